"""A case: one ratio or figure with its goal, and all the measurements behind it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Case:
    """A result as `benchmarks/results.json` holds it.

    Attributes:
        case: its name, such as "purge.vs_single_delete".
        value: the figure; None when it was not measured.
        unit: "x" for a ratio, "s", "ms" or "MB".
        goal: the bound to beat.
        better: "higher" or "lower".
        ours: our measurements, in the order taken.
        theirs: the peer's or limit's, taken in turn with ours.
        note: what a reader must know, such as that a figure was extrapolated.
    """

    case: str
    value: float | None
    unit: str
    goal: float
    better: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    note: str = ""

    @property
    def repeats(self) -> int:
        """How often the slower side was measured."""
        return min(len(self.ours), len(self.theirs)) if self.theirs else len(self.ours)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None when not measured."""
        if self.value is None:
            return None
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal

    @property
    def score(self) -> float | None:
        """The value over its goal, inverted where higher is better: 1 just meets it. None when not measured."""
        if not self.value:
            return None
        return self.value / self.goal if self.better == "lower" else self.goal / self.value


def ratio(name: str, over: list[float], under: list[float], *, goal: float, better: str, note: str = "") -> Case:
    """The median of the rounds' own ratios: a machine that changes its pace from round to round changes none of them.

    Sides that were not measured in the same rounds, and so not equally often, are compared by their medians.

    Args:
        name: of the case.
        over: the dividends, a round each; ours when lower is better, else theirs.
        under: the divisors.
        goal: the bound to beat.
        better: "higher" or "lower".
        note: what a reader must know.
    """
    ours, theirs = (over, under) if better == "lower" else (under, over)
    if len(over) == len(under):
        value = median(above / below for above, below in zip(over, under, strict=True))
    else:
        value = median(over) / median(under)
    return Case(name, round(value, 3), "x", goal, better, ours, theirs, note)


def figure(name: str, measured: list[float], unit: str, *, goal: float, note: str = "") -> Case:
    """A median of our own measurements against a bound; lower is better."""
    return Case(name, round(median(measured), 3), unit, goal, "lower", measured, [], note)


def not_measured(name: str, unit: str, *, goal: float, better: str, why: str) -> Case:
    """A case that could not run here; it is listed, never left out."""
    return Case(name, None, unit, goal, better, note=f"not measured: {why}")


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(
    variants: Mapping[str, Callable[[], float | Mapping[str, float]]], repeats: int
) -> dict[str, list[float]]:
    """Measure every variant in turn, `repeats` times over, so that drift of the machine hits all alike.

    Args:
        variants: each gives a figure for its own name, or several with names of their own: what one trial passes
            through need not be done again for another case.
        repeats: how many rounds.
    """
    measured: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for name, run in variants.items():
            found = run()
            for label, value in (found if isinstance(found, Mapping) else {name: found}).items():
                measured[label].append(value)
    return dict(measured)
