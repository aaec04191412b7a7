"""`python -m benchmarks`: measure, write benchmarks/results.json and docs/performance.md, print the table."""

from __future__ import annotations

import argparse

from benchmarks import archive, capture, continuity, coverage, evidence, export, purge, report, start
from benchmarks.ground import prepared

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


def main() -> None:
    """Run the cases that were asked for, all by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--only", choices=sorted(MODULES), action="append", help="these groups alone; writes no file")
    chosen = parser.parse_args()
    transactions, repeats = (100_000, 3) if chosen.quick else (1_000_000, 3)
    about = report.machine()
    with prepared(transactions, history=not ON_HISTORY.isdisjoint(chosen.only or MODULES)) as ground:
        used = report.versions(ground)
        results = [
            case
            for name, module in MODULES.items()
            if name in (chosen.only or MODULES)
            for case in module.cases(ground, repeats)
        ]
    scale = {"changes": 3 * transactions, "transactions": transactions, "tables": 20, "days": 120}
    if not chosen.only:
        report.write(about, used, scale, results)
    print(report.page(about, used, scale, results))


if __name__ == "__main__":
    main()
