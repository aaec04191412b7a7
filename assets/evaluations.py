"""Findings as evaluations of asset checks, and recent changes as observations of assets."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg

from assets.keys import key_of
from threadline_ops.capture.names import Table
from threadline_ops.coverage import Check, Finding, Inventory, Severity, TableCoverage
from threadline_ops.coverage.growth import Activity
from threadline_ops.coverage.run import inventory_figures

GROUP = "audited"
#: The database as a whole, beside its tables.
AUDIT_TRAIL = key_of(GROUP, "audit_trail")
_ROWS_SHOWN = 20

#: Each check in words, for whoever sees it red for the first time.
ASSERTIONS = {
    Check.EXPECTED: "Every table that the settings expect is captured now, by a trigger that can be trusted.",
    Check.TRIGGER: "The capture trigger is there, enabled, and fires on every insert, update and delete.",
    Check.FUNCTION: "The trigger's function records the columns, keys and actors that the settings imply.",
    Check.REDACTION: "Excluded and masked columns are those of the settings, on the deployed function itself.",
    Check.PROBE: "A write that was made and rolled back just now was captured, where the owner allows a probe.",
    Check.FORGERY: "No role but capture's own can write, change or delete audit rows.",
    Check.TABLES: "The audit tables have the columns, constraints and triggers that capture gives them.",
    Check.ONE_LIFE: "Recorded transaction ids come from one life of the cluster: no restore started them again.",
    Check.FIRING: "No role's and no database's settings switch triggers off behind the application's back.",
    Check.READABLE: "Recorded actors and keys can be read and searched as they are.",
    Check.CLEAR_TEXT: "No recorded change shows a column in clear text that should be excluded or masked.",
    Check.INDEXES: "The indexes that every operation relies on are there and valid.",
    Check.ROOM: "The disk has room for what is to come, and no replication slot holds the log back.",
}


def asset_key(table: Table) -> dg.AssetKey:
    """The asset of an audited table."""
    return key_of(GROUP, table.schema, table.name)


def observations(seen: Inventory, lately: Iterable[Activity], trail: dict[str, Any]) -> Iterator[dg.AssetObservation]:
    """What is known of each table now; numbers plot over time."""
    rows = {row.table: row for row in seen.tables}
    for active in lately:
        row = rows.get(active.table)
        metadata: dict[str, Any] = {
            "status": row.status.value if row else "missing",
            "findings": len(row.findings) if row else 0,
            "changes_last_hour": active.changes_last_hour,
            "changes_last_day": active.changes_last_day,
        }
        if active.rows is not None:
            metadata["dagster/row_count"] = active.rows
        if active.last_captured_at is not None:
            metadata["last_captured_at"] = dg.MetadataValue.timestamp(active.last_captured_at)
            metadata["lag_seconds"] = active.lag_seconds
        yield dg.AssetObservation(asset_key(active.table), metadata=metadata)
    yield dg.AssetObservation(AUDIT_TRAIL, metadata=inventory_figures(seen) | trail)


def evaluations(
    seen: Inventory, found: Sequence[Finding], specs: Iterable[dg.AssetCheckSpec]
) -> Iterator[dg.AssetCheckEvaluation]:
    """The outcome of each of these checks."""
    rows = {asset_key(row.table): row for row in seen.tables}
    for spec in specs:
        check = Check(spec.name)
        if spec.asset_key == AUDIT_TRAIL:
            yield _of_database(check, seen, [finding for finding in found if finding.check is check])
        else:
            yield _of_table(check, spec.asset_key, rows.get(spec.asset_key))


def _of_table(check: Check, key: dg.AssetKey, row: TableCoverage | None) -> dg.AssetCheckEvaluation:
    """Of a table that is not captured at all, nothing is true."""
    if row is None:
        return _evaluation(key, check, [], "the settings changed since this code location was loaded: reload it")
    wrong = [finding for finding in row.findings if finding.check in (check, Check.EXPECTED)]
    return _evaluation(key, check, wrong)


def _of_database(check: Check, seen: Inventory, wrong: Sequence[Finding]) -> dg.AssetCheckEvaluation:
    if check is not Check.EXPECTED:
        return _evaluation(AUDIT_TRAIL, check, wrong)
    if not any(row.expected for row in seen.tables):
        return _evaluation(AUDIT_TRAIL, check, wrong, "no table is expected: set coverage.expected_tables")
    broken = [finding for row in seen.violations for finding in row.findings if finding.breaks]
    return _evaluation(AUDIT_TRAIL, check, broken)


def _evaluation(key: dg.AssetKey, check: Check, wrong: Sequence[Finding], refusal: str = "") -> dg.AssetCheckEvaluation:
    worst = any(finding.severity is Severity.P0 for finding in wrong) or bool(refusal)
    metadata: dict[str, Any] = {"findings": len(wrong)}
    if wrong:
        metadata["found"] = dg.MetadataValue.md(_markdown(wrong))
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=check.value,
        passed=not wrong and not refusal,
        # A warning stays green in the catalog and in a group's counts: what must be seen is an error.
        severity=dg.AssetCheckSeverity.ERROR if worst else dg.AssetCheckSeverity.WARN,
        # The UI shows this at once, and the table in the metadata only to whoever opens it.
        description=refusal or "\n\n".join(map(_sentence, wrong[:3])) or None,
        metadata=metadata,
    )


def _sentence(finding: Finding) -> str:
    return f"{finding.subject}: {finding.what}. To do: {finding.fix} ({finding.id})."


def _markdown(wrong: Sequence[Finding]) -> str:
    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    lines = ["| severity | id | subject | what | what to do |", "| --- | --- | --- | --- | --- |"]
    for finding in wrong[:_ROWS_SHOWN]:
        cells = (finding.severity.value, finding.id, finding.subject, finding.what, finding.fix)
        lines.append(f"| {' | '.join(map(cell, cells))} |")
    lines += [f"\nand {len(wrong) - _ROWS_SHOWN} more"] if len(wrong) > _ROWS_SHOWN else []
    return "\n".join(lines)
