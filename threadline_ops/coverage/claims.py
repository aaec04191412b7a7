"""What an examination shows for the adoption backlog, with the negative control of each check.

The controls work on a copy of what the catalog said, broken in memory: an examination must not change a production
database, not even in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from threadline_ops import evidence
from threadline_ops.capture.triggers import settings_by_table
from threadline_ops.coverage.catalog import Catalog, DeployedTable, DeployedTrigger
from threadline_ops.coverage.doctor import Diagnosis
from threadline_ops.coverage.inventory import Inventory, Status, compare, deployed
from threadline_ops.coverage.rules import Check, Finding, Severity
from threadline_ops.database import Database
from threadline_ops.settings import Settings

INSTALLED = "capture.triggers_installed"
CODEGEN = "capture.codegen_matches_runtime"
COVERED = "capture.expected_tables_covered"
IN_HEALTH = "capture.coverage_in_health"
JSON_MASKED = "redaction.json_masked_whole"

#: Scopes of findings: what the catalog alone decides, and what only the whole examination looks at.
CATALOG, EXAMINATION = "catalog", "examination"

#: Whose problem a finding is, as an area of the prioritised issues.
AREAS = {
    Check.EXPECTED: "COVERAGE",
    Check.TRIGGER: "COVERAGE",
    Check.PROBE: "COVERAGE",
    Check.FUNCTION: "CAPTURE",
    Check.FORGERY: "CAPTURE",
    Check.TABLES: "CAPTURE",
    Check.ONE_LIFE: "CAPTURE",
    Check.FIRING: "CAPTURE",
    Check.INDEXES: "CAPTURE",
    Check.REDACTION: "REDACTION",
    Check.CLEAR_TEXT: "REDACTION",
    Check.READABLE: "ACTOR",
    Check.ROOM: "RETENTION",
}
_INSTALL_CHECKS = (Check.EXPECTED, Check.TRIGGER, Check.TABLES, Check.PROBE)
_CODEGEN_CHECKS = (Check.FUNCTION, Check.REDACTION)
#: About the host's table, not about what was generated for it.
_NO_CODEGEN = ("table_without_key",)


def report(recording: evidence.Recording, findings: Iterable[Finding], *, scope: str = CATALOG) -> None:
    """Hand findings on, so that each opens a prioritised issue and its absence closes that."""
    for finding in findings:
        recording.finding(
            AREAS[finding.check],
            f"{finding.id} {finding.subject}",
            f"{finding.subject}: {finding.what}; {finding.fix}",
            finding.severity.value,
            scope=scope,
            rows=tuple(_contradicted(finding)),
        )


def _contradicted(finding: Finding) -> Iterable[str]:
    if finding.check is Check.EXPECTED or finding.breaks:
        yield COVERED
    if _against_install(finding):
        yield INSTALLED
    if _against_codegen(finding):
        yield CODEGEN
    if finding.check is Check.CLEAR_TEXT:
        yield JSON_MASKED


def _against_install(finding: Finding) -> bool:
    return finding.check in _INSTALL_CHECKS and finding.severity is Severity.P0


def _against_codegen(finding: Finding) -> bool:
    return finding.check in _CODEGEN_CHECKS and finding.id not in _NO_CODEGEN


def claim_capture(recording: evidence.Recording, settings: Settings, there: Catalog, seen: Inventory) -> None:
    """What the catalog alone shows: every expected table covered, and every function as generated."""
    if any(table.expected for table in seen.tables):
        _claim_covered(recording, settings, there, seen)
    captured = [table for table in seen.tables if table.status in (Status.COVERED, Status.BROKEN)]
    if not captured:
        return
    drifted = sorted({finding.subject for finding in seen.all_findings if _against_codegen(finding)})
    recording.support(
        CODEGEN,
        ok=not drifted,
        detail=f"the functions of {len(captured)} tables record what the settings imply"
        if not drifted
        else f"not what the settings generate: {', '.join(drifted[:5])}{' and more' if len(drifted) > 5 else ''}",
        control=_control(there, settings, seen, "a function that records nothing", _silent),
    )


def _claim_covered(recording: evidence.Recording, settings: Settings, there: Catalog, seen: Inventory) -> None:
    """Whether every expected table is covered; with a table that cannot exist expected as well, it must not be."""
    more = (*settings.coverage.expected_tables, "threadline_ops_control.no_such_table")
    broken = settings.model_copy(update={"coverage": settings.coverage.model_copy(update={"expected_tables": more})})
    expected = sum(table.expected for table in seen.tables)
    recording.support(
        COVERED,
        ok=not seen.violations,
        detail=f"{expected - len(seen.violations)} of {expected} expected tables are covered",
        control=evidence.control(
            "one more expected table that does not exist",
            lambda: len(compare(there, broken).violations) == len(seen.violations),
        ),
    )


def claim_diagnosis(
    recording: evidence.Recording,
    database: Database,
    settings: Settings,
    diagnosis: Diagnosis,
    *,
    started_by: str | None,
) -> None:
    """What a whole examination shows, and every finding of it.

    Args:
        recording: of the run.
        database: the audited one.
        settings: what should be so.
        diagnosis: what was found.
        started_by: the sensor or schedule that asked for it; None when a person did.
    """
    seen = diagnosis.inventory
    there = deployed(database, settings)
    claim_capture(recording, settings, there, seen)
    disabled = _control(there, settings, seen, "a capture trigger that is disabled", _disabled)
    if seen.count(Status.COVERED) + seen.count(Status.BROKEN):
        lacking = sorted({finding.subject for finding in diagnosis.findings if _against_install(finding)})
        recording.support(
            INSTALLED,
            ok=not lacking,
            detail="the audit tables are complete, and every capture trigger fires"
            if not lacking
            else f"does not hold for {', '.join(lacking[:5])}{' and more' if len(lacking) > 5 else ''}",
            control=disabled,
        )
    if started_by:
        recording.support(IN_HEALTH, detail=f"{started_by} asked for this run, nobody else did", control=disabled)
    if diagnosis.scanned is not None:  # else the columns of recorded changes are not what they should be
        _claim_json(recording, database, settings)
    of_catalog = seen.all_findings
    report(recording, of_catalog)
    report(recording, (f for f in diagnosis.findings if f not in of_catalog), scope=EXAMINATION)
    recording.looked_through(CATALOG, EXAMINATION)


def _claim_json(recording: evidence.Recording, database: Database, settings: Settings) -> None:
    """Whether recorded values of masked json columns are the placeholder and nothing else; silent where none is."""
    masked = [
        (table.schema, table.name, column, capture.mask_placeholder)
        for table, capture in settings_by_table(settings.capture, settings.database.audit_schema).items()
        for column in capture.mask
    ]
    if not masked:
        return
    values, clear = _json_values(database, settings, masked)
    if values:
        other = [(*place, f"{placeholder}?") for *place, placeholder in masked]
        recording.support(
            JSON_MASKED,
            ok=not clear,
            detail=f"{values - clear} of {values} recorded values of masked json columns are the placeholder alone",
            control=evidence.control(
                "another placeholder expected", lambda: not _json_values(database, settings, other)[1]
            ),
        )


def _json_values(database: Database, settings: Settings, masked: list[tuple[str, ...]]) -> tuple[int, int]:
    names = ("schemas", "tables", "columns", "placeholders")
    parameters: dict[str, Any] = {name: list(part) for name, part in zip(names, zip(*masked, strict=True), strict=True)}
    with database.transaction(read_only=True):
        values, clear = database.one("coverage/masked_json", parameters | {"scan_rows": settings.coverage.scan_rows})
    return values, clear


def _control(
    there: Catalog,
    settings: Settings,
    seen: Inventory,
    name: str,
    breaking: Callable[[DeployedTrigger], DeployedTrigger],
) -> evidence.Control | None:
    """The comparison of one covered table whose trigger is broken: it must break the table's coverage."""
    covered = {table.table for table in seen.tables if table.status is Status.COVERED}
    table = next((table for table in there.tables if table.table in covered and not table.shape.leaves), None)
    if table is None or not _still_covered(compare(replace(there, tables=(table,)), settings), table):
        return None
    broken = table._replace(triggers=tuple(breaking(trigger) for trigger in table.triggers))
    return evidence.control(name, lambda: _still_covered(compare(replace(there, tables=(broken,)), settings), table))


def _still_covered(seen: Inventory, table: DeployedTable) -> bool:
    return any(one.table == table.table and one.status is Status.COVERED for one in seen.tables)


def _disabled(trigger: DeployedTrigger) -> DeployedTrigger:
    return trigger._replace(enabled="D")


def _silent(trigger: DeployedTrigger) -> DeployedTrigger:
    return trigger._replace(function=trigger.function._replace(body="begin return null; end"))
