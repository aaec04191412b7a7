"""What the figures of a benchmark run are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.cases import interleaved, ratio
from benchmarks.readers import ReaderError, from_start, kept


def test_a_machine_that_changes_its_pace_changes_no_ratio():
    ours, theirs = [1.0, 3.0, 2.0], [2.0, 6.0, 4.0]
    assert ratio("x", ours, theirs, goal=1, better="lower").value == 0.5
    # The quotient of the medians is 1.5 here, where two rounds of three say 0.5.
    assert ratio("x", [1.0, 3.0, 9.0], [2.0, 6.0, 1.0], goal=1, better="lower").value == 0.5


def test_sides_of_other_rounds_are_compared_by_their_medians():
    case = ratio("x", [30.0], [1.0, 3.0, 2.0], goal=10, better="higher")
    assert (case.value, case.repeats, case.met) == (15, 1, True)
    assert (case.ours, case.theirs) == ([1.0, 3.0, 2.0], [30.0])


def test_variants_run_in_turn_and_one_trial_may_give_several_figures():
    order: list[str] = []

    def one() -> float:
        order.append("one")
        return len(order)

    def two() -> dict[str, float]:
        order.append("two")
        return {"first": len(order), "second": -len(order)}

    assert interleaved({"one": one, "two": two}, 2) == {"one": [1, 3], "first": [2, 4], "second": [-2, -4]}
    assert order == ["one", "two"] * 2


def test_a_reader_that_fails_says_why_every_time(tmp_path: Path):
    with pytest.raises(ReaderError, match="KeyError: 'nobody'"):
        from_start("nobody", "postgresql:", tmp_path / "file")
    with kept("postgresql:") as export:
        for _ in range(2):
            with pytest.raises(ReaderError, match="KeyError: 'nobody'"):
                export("nobody", "postgresql:", tmp_path / "file")


def test_the_readme_tells_what_was_last_measured():
    document, results = report.measured()
    readme = report.README.read_text(encoding="utf-8")
    assert report.with_headlines(readme, document["scale"], results) == readme
    faster = [replace(case, value=1_000_000.0) for case in results]
    assert report.with_headlines(readme, document["scale"], faster) != readme
