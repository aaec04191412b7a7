"""`python -m benchmarks`: measure, write benchmarks/results.json and docs/performance.md, print the table."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from benchmarks import archive, capture, continuity, coverage, evidence, export, purge, report, start
from benchmarks.cases import Case, not_measured
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.ground import Ground, prepared
from benchmarks.profile import Profile

MODULES = {
    "purge": purge,
    "export": export,
    "continuity": continuity,
    "evidence": evidence,
    "archive": archive,
    "start": start,
    "capture": capture,
    "coverage": coverage,
}
#: These stand on the generated history; the others alone need none.
ON_HISTORY = {"purge", "export", "archive"}


def measured(name: str, ground: Ground, effort: Effort) -> list[Case]:
    """A group's cases; a group that fails is told in the results, and does not take the others along."""
    started = time.perf_counter()
    try:
        cases = MODULES[name].cases(ground, effort)
    except Exception as error:
        traceback.print_exc()
        why = f"the group failed with {type(error).__name__}"
        cases = [not_measured(f"{name}.*", "", goal=0, better="lower", why=why)]
    print(f"{name}: {len(cases)} cases in {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    return cases


def profiled(name: str, ground: Ground) -> list[Profile]:
    """A group's profiles, of one trial each; what was measured is not lost for the sake of one that fails."""
    try:
        return MODULES[name].profiles(ground) if hasattr(MODULES[name], "profiles") else []
    except Exception:
        traceback.print_exc()
        return []


def main() -> None:
    """Run the cases that were asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, in about three minutes")
    parser.add_argument("--only", choices=sorted(MODULES), action="append", help="these groups alone; writes no file")
    chosen = parser.parse_args()
    started, effort = time.perf_counter(), QUICK if chosen.quick else FULL
    groups = [name for name in MODULES if name in (chosen.only or MODULES)]
    about = report.machine()
    with prepared(effort.transactions, history=not ON_HISTORY.isdisjoint(groups)) as ground:
        used = report.versions(ground)
        results = [case for name in groups for case in measured(name, ground, effort)]
        profiles = [] if chosen.quick else [each for name in groups for each in profiled(name, ground)]
    scale = {"changes": 3 * effort.transactions, "transactions": effort.transactions, "tables": 20, "days": 120}
    if not chosen.only:
        report.write(about, used, scale, results, profiles)
    print(report.page(about, used, scale, results, profiles))
    print(f"measured in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    if any(case.value is None for case in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
