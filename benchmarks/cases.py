"""A case: one ratio or figure with its goal, and all the measurements behind it."""

from __future__ import annotations

from collections.abc import Callable
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


def ratio(name: str, over: list[float], under: list[float], *, goal: float, better: str, note: str = "") -> Case:
    """`median(over) / median(under)`; ours is `over` when lower is better, else `under`."""
    ours, theirs = (over, under) if better == "lower" else (under, over)
    return Case(name, round(median(over) / median(under), 3), "x", goal, better, ours, theirs, note)


def figure(name: str, measured: list[float], unit: str, *, goal: float, note: str = "") -> Case:
    """A median of our own measurements against a bound; lower is better."""
    return Case(name, round(median(measured), 3), unit, goal, "lower", measured, [], note)


def not_measured(name: str, unit: str, *, goal: float, better: str, why: str) -> Case:
    """A case that could not run here; it is listed, never left out."""
    return Case(name, None, unit, goal, better, note=f"not measured: {why}")


def interleaved(variants: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Measure every variant in turn, `repeats` times over, so that drift of the machine hits all alike."""
    measured: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, run in variants.items():
            measured[name].append(run())
    return measured
