"""`coverage` and `doctor`: whether tables are captured, and what else endangers the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from threadline_ops.cli.console import Json, out, print_json, warn

if TYPE_CHECKING:
    from threadline_ops.coverage import CoverageReport, DoctorReport, Finding
    from threadline_ops.settings import Settings

_COLORS = {"covered": "green", "uncovered": "yellow", "broken": "red", "missing": "red"}
_SEVERITIES = {"P0": "bold red", "P1": "yellow", "P2": "cyan"}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("coverage")(coverage)
    app.command("doctor")(doctor)


def coverage(
    expect: Annotated[
        str | None, typer.Option(help="Tables that must be captured, separated by commas, instead of the setting.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say of every table whether its changes are really captured, and if not, exactly why.

    Exit status 1: an expected table is missing, uncovered or broken.
    """
    from threadline_ops.coverage.run import require_expectations, run_coverage

    report = run_coverage(_settings(expect))
    print_json(_coverage_document(report)) if as_json else _print_coverage(report)
    require_expectations(report.inventory)
    if report.inventory.violations:
        raise typer.Exit(1)


def doctor(
    probe: Annotated[
        str | None, typer.Option(help="Tables to probe with a write that is rolled back, instead of the setting.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Examine capture, the audit tables and what they hold for everything known to endanger them.

    Exit status 1: there is a finding of severity P0 or P1.
    """
    from threadline_ops.coverage.rules import Severity
    from threadline_ops.coverage.run import run_doctor
    from threadline_ops.stopping import stop_requested

    with stop_requested() as should_stop:
        report = run_doctor(_settings(probe=probe), should_stop=should_stop)
    print_json(_doctor_document(report)) if as_json else _print_doctor(report)
    if any(finding.severity is not Severity.P2 for finding in report.diagnosis.findings):
        raise typer.Exit(1)


def _settings(expect: str | None = None, probe: str | None = None) -> Settings:
    from threadline_ops import settings as configuration
    from threadline_ops.capture.names import split

    loaded = configuration.load()
    changed = {"expected_tables": expect, "probe_tables": probe}
    update = {name: tuple(split(text)) for name, text in changed.items() if text is not None}
    return loaded.model_copy(update={"coverage": loaded.coverage.model_copy(update=update)})


def _print_coverage(report: CoverageReport) -> None:
    from threadline_ops.coverage.run import summary

    rows = report.inventory.tables
    width = max((len(str(row.table)) for row in rows), default=0)
    width = max(width, len("TABLE"))
    out.print(f"{'TABLE':<{width}}  STATUS     REASON", markup=False)
    for row in rows:
        status = row.status.value
        out.print(f"{row.table!s:<{width}}  ", end="", markup=False)
        out.print(f"{status:<9}  ", end="", style=_COLORS[status], markup=False)
        out.print(row.reason or ("expected" if row.expected else ""), markup=False)
    _print_findings(report.inventory.findings)
    out.print(f"summary: {summary(report.inventory)}", markup=False)


def _print_doctor(report: DoctorReport) -> None:
    from threadline_ops.coverage.rules import Severity
    from threadline_ops.coverage.run import summary

    seen = report.diagnosis
    _print_findings(seen.findings)
    for done in seen.probes:
        reason = f" ({done.reason})" if done.reason else ""
        out.print(f"probe of {done.table}: {done.outcome.value}{reason}", markup=False)
    out.print(f"tables: {summary(seen.inventory)}", markup=False)
    days = "" if seen.growth.days_left is None else f", {seen.growth.days_left:,} days to the disk budget"
    size, last_day = seen.growth.bytes / 1e9, seen.growth.changes_last_day
    out.print(f"audit tables: {size:,.3f} GB, {last_day:,} changes in the last day{days}", markup=False)
    if seen.scanned and seen.scanned.partial:
        warn(str(seen.scanned))
    counts = ", ".join(f"{seen.count(severity)} {severity.value}" for severity in Severity)
    out.print(f"summary: {len(seen.findings)} findings: {counts}", markup=False)


def _print_findings(findings: tuple[Finding, ...]) -> None:
    for finding in findings:
        out.print(f"{finding.severity.value} {finding.id}", style=_SEVERITIES[finding.severity.value], markup=False)
        out.print(f"  {finding.subject}: {finding.what}", markup=False)
        out.print(f"  evidence: {finding.evidence}", markup=False)
        out.print(f"  fix: {finding.fix}", markup=False)


def _coverage_document(report: CoverageReport) -> dict[str, Any]:
    from threadline_ops.coverage.run import inventory_figures

    return {
        "tables": [
            {
                "schema": row.table.schema,
                "table": row.table.name,
                "status": row.status,
                "reason": row.reason,
                "expected": row.expected,
                "findings": row.findings,
            }
            for row in report.inventory.tables
        ],
        "findings": report.inventory.findings,
        "summary": inventory_figures(report.inventory),
        "fingerprint": report.inventory.fingerprint,
        "evidence": report.evidence,
        "log": report.log,
    }


def _doctor_document(report: DoctorReport) -> dict[str, Any]:
    from threadline_ops.coverage.rules import Severity
    from threadline_ops.coverage.run import inventory_figures

    seen = report.diagnosis
    return {
        "findings": seen.findings,
        "summary": {severity.value: seen.count(severity) for severity in Severity},
        "tables": inventory_figures(seen.inventory),
        "growth": seen.growth,
        "scanned": seen.scanned,
        "probes": seen.probes,
        "evidence": report.evidence,
        "log": report.log,
    }
