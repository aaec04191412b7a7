"""Coverage: whether every table that must be captured really is, and what else endangers the audit trail."""

from threadline_ops.coverage.inventory import Inventory, Status, TableCoverage, expected_tables, inventory
from threadline_ops.coverage.rules import RULES, Check, Finding, Severity
from threadline_ops.coverage.run import CoverageReport, DoctorReport, run_coverage, run_doctor

__all__ = [
    "RULES",
    "Check",
    "CoverageReport",
    "DoctorReport",
    "Finding",
    "Inventory",
    "Severity",
    "Status",
    "TableCoverage",
    "expected_tables",
    "inventory",
    "run_coverage",
    "run_doctor",
]
