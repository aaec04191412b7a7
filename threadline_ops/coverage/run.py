"""Whole runs of `coverage` and `doctor`, the same from the command line and from Dagster: guards, work, evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from threadline_ops import evidence, progress, telemetry
from threadline_ops.coverage import claims
from threadline_ops.coverage.doctor import STATEMENTS, Diagnosis, Examined, examine
from threadline_ops.coverage.inventory import Inventory, Status, compare, deployed
from threadline_ops.coverage.rules import Finding, Severity
from threadline_ops.database import Identity, opened
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings

COVERAGE, DOCTOR = "coverage", "doctor"


@dataclass(frozen=True)
class CoverageReport:
    """What a coverage run saw; its record and log lie at `evidence` and `log`."""

    run_id: str
    inventory: Inventory
    seconds: float
    evidence: Path
    log: Path


@dataclass(frozen=True)
class DoctorReport:
    """What an examination saw; its record and log lie at `evidence` and `log`."""

    run_id: str
    diagnosis: Diagnosis
    seconds: float
    evidence: Path
    log: Path


def run_coverage(
    settings: Settings, *, run_id: str | None = None, echo: Callable[[str], None] = lambda _: None
) -> CoverageReport:
    """Compare every table with the settings once, leaving one evidence record.

    Raises:
        OpsError: the run failed; violations are a result, not an error.
    """
    with evidence.recording(
        settings, COVERAGE, run_id=run_id, mode="check", command="threadline-ops coverage", echo=echo
    ) as recording:
        with opened(settings, COVERAGE) as database:
            recording.identity = database.identity()
            there = deployed(database, settings)
            seen = compare(there, settings)
        claims.claim_capture(recording, settings, there, seen)
        claims.report(recording, seen.all_findings)
        recording.looked_through(claims.CATALOG)
        _tell(recording, seen)
        recording.statements = ("coverage/catalog",)
        recording.figures.update(inventory_figures(seen))
        recording.figures.update(
            findings=[_quoted(finding) for finding in seen.all_findings], tables_by_status=tables_by_status(seen)
        )
        if not any(table.expected for table in seen.tables):
            recording.outcome = "nothing_expected"
        elif seen.violations:
            recording.outcome = "violations"
        recording.log(f"coverage: {summary(seen)}")
    return CoverageReport(recording.run_id, seen, recording.seconds, recording.record_path, recording.log_path)


def _tell(recording: evidence.Recording, seen: Inventory) -> None:
    """Let telemetry hear of the check, and claim that it did where the receiver has answered."""
    telemetry.health_checked(seen.count(Status.COVERED), seen.count(Status.UNCOVERED))
    sent = telemetry.delivery()
    if sent is not None:
        recording.support(
            "observability.telemetry_attached",
            ok=sent.arrived,
            detail="the configured OTLP receiver took a span of this check"
            if sent.arrived
            else "the configured OTLP receiver did not take a span of this check",
            control=evidence.Control("a receiver where nothing listens", failed=sent.noticed),
        )


def run_doctor(
    settings: Settings,
    *,
    run_id: str | None = None,
    started_by: str | None = None,
    on_event: Callable[[Examined], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> DoctorReport:
    """Examine the database once, leaving one evidence record.

    Args:
        settings: what should be so, and where evidence is kept.
        run_id: Dagster's; made up when there is none.
        started_by: the sensor or schedule that asked for it; None when a person did.
        on_event: receives every part of the examination.
        should_stop: asked after every part.
        echo: receives each line of the run's log.

    Raises:
        OpsError: the run failed; findings are a result, not an error.
        Interrupted: should_stop said so.
    """
    with evidence.recording(
        settings, DOCTOR, run_id=run_id, mode="check", command="threadline-ops doctor", echo=echo
    ) as recording:

        def note(event: Examined) -> None:
            recording.log(f"{event.part}: {len(event.findings)} findings")
            on_event(event)

        with opened(settings, DOCTOR) as database:
            recording.identity = database.identity()
            last_seen = last_identity(settings.evidence.directory, recording.identity.database)
            work = examine(database, settings, last_seen=last_seen)
            diagnosis = progress.drive(work, note, should_stop=should_stop)
            claims.claim_diagnosis(recording, database, settings, diagnosis, started_by=started_by)
            _tell(recording, diagnosis.inventory)
        recording.statements = STATEMENTS
        recording.figures.update(inventory_figures(diagnosis.inventory))
        recording.figures.update({severity.value: diagnosis.count(severity) for severity in Severity})
        recording.figures.update(
            findings=[_quoted(finding) for finding in diagnosis.findings],
            tables_by_status=tables_by_status(diagnosis.inventory),
            growth=asdict(diagnosis.growth),
            scanned=asdict(diagnosis.scanned) if diagnosis.scanned else None,
            probes=[{"table": str(done.table), "outcome": done.outcome.value} for done in diagnosis.probes],
        )
        recording.outcome = "findings" if diagnosis.findings else "complete"
        recording.log(f"recorded changes: {diagnosis.scanned or 'not scanned, for their columns were changed'}")
        for finding in diagnosis.findings:
            recording.log(f"{finding.severity.value} {finding.id}: {finding.subject}: {finding.what}")
    return DoctorReport(recording.run_id, diagnosis, recording.seconds, recording.record_path, recording.log_path)


def require_expectations(seen: Inventory) -> None:
    """Refuse to call an empty list fulfilled.

    Raises:
        SettingsError: no table is expected, so that nothing was proved.
    """
    if not any(table.expected for table in seen.tables):
        raise SettingsError(
            "no table is expected to be captured, so coverage proves nothing",
            got=[],
            fix="list the tables that must be captured in coverage.expected_tables",
        )


def tables_by_status(seen: Inventory) -> dict[str, list[str]]:
    """The names of all tables by what coverage says of them: later runs learn from it since when one was covered."""
    return {status.value: sorted(str(one.table) for one in seen.tables if one.status is status) for status in Status}


def inventory_figures(seen: Inventory) -> dict[str, int]:
    """The counts that `summary` puts into words."""
    figures = {status.value: seen.count(status) for status in Status}
    expected = sum(table.expected for table in seen.tables)
    return figures | {"expected": expected, "violations": len(seen.violations)}


def summary(seen: Inventory) -> str:
    """The inventory in one line."""
    figures = inventory_figures(seen)
    return ", ".join(f"{count} {name}" for name, count in figures.items())


def last_identity(directory: Path, database: str) -> Identity | None:
    """Which cluster a database of this name was in, according to the newest record of an examination."""
    newest: tuple[str, Mapping[str, Any]] | None = None
    for path in directory.glob("*.json") if directory.is_dir() else ():
        try:
            record = json.loads(path.read_bytes())
            seen = record["database"]
            if record["operation"] != DOCTOR or seen["database"] != database:
                continue
            if newest is None or record["ended"] > newest[0]:
                newest = (record["ended"], cast("Mapping[str, Any]", seen))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not a record, or of a run that never reached the database
    if newest is None:
        return None
    known = newest[1]
    return Identity(**{name: known[name] for name in Identity.__dataclass_fields__ if name in known})


def _quoted(finding: Finding) -> dict[str, str]:
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "subject": finding.subject,
        "what": finding.what,
    }
