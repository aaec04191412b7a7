"""How much is captured, and how long the disk lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from threadline_ops.capture.names import Table
from threadline_ops.coverage.rules import Finding, found
from threadline_ops.database import Database
from threadline_ops.settings import Settings

_GB = 1_000_000_000
_MB = 1_000_000


@dataclass(frozen=True)
class Growth:
    """The audit tables' size and growth.

    Attributes:
        bytes: with indexes and TOAST.
        changes_last_day: rows of audit_changes captured in the last 24 hours.
        bytes_per_day: at the last day's rate and the average size of a row; None before the first ANALYZE.
        days_left: until the disk budget; None without a budget, growth or statistics.
    """

    bytes: int
    changes_last_day: int
    bytes_per_day: int | None
    days_left: float | None


@dataclass(frozen=True)
class Activity:
    """What happened to one table lately.

    Attributes:
        rows: the planner's estimate; None before the first ANALYZE.
        last_captured_at: within the last day; None otherwise.
        lag_seconds: since then.
    """

    table: Table
    rows: int | None
    changes_last_hour: int
    changes_last_day: int
    last_captured_at: datetime | None
    lag_seconds: float | None


def growth(database: Database, settings: Settings, *, now: datetime) -> Growth:
    """Measure the audit tables, within the transaction at hand."""
    size, rows, last_day = database.one("coverage/growth", {"audit_schema": database.settings.audit_schema, "now": now})
    per_day = int(size / rows * last_day) if rows > 0 else None
    budget = settings.coverage.disk_budget_gb
    left = None
    if budget is not None and per_day:
        left = round(max(0.0, (budget * _GB - size) / per_day), 1)
    return Growth(size, last_day, per_day, left)


def activity(database: Database, tables: Sequence[Table], *, now: datetime) -> list[Activity]:
    """Count each table's recent changes, within the transaction at hand."""
    rows = database.connection.execute(
        database.statement("coverage/activity"),
        {"schemas": [table.schema for table in tables], "tables": [table.name for table in tables], "now": now},
    )
    return [
        Activity(
            Table(schema, name),
            None if estimate in (None, -1) else estimate,
            hour,
            day,
            newest,
            None if newest is None else (now - newest).total_seconds(),
        )
        for schema, name, estimate, hour, day, newest in rows.fetchall()
    ]


def room(database: Database, settings: Settings, seen: Growth) -> Iterator[Finding]:
    """What may fill the disk, within the transaction at hand."""
    allowed = settings.coverage.max_slot_retention_mb
    for name, active, retained in database.connection.execute(database.statement("coverage/slots"), {}).fetchall():
        if retained > allowed * _MB:
            what = f"holds back {retained // _MB} MB of WAL and is {'active' if active else 'not active'}"
            evidence = "select slot_name, active, restart_lsn, wal_status from pg_replication_slots"
            yield found("slot_retains_wal", f"replication slot {name}", what, evidence)
    budget, warning = settings.coverage.disk_budget_gb, settings.coverage.disk_warning_days
    if budget is None:
        return
    full = seen.bytes >= budget * _GB
    if full or (seen.days_left is not None and seen.days_left < warning):
        left = "the budget is used up" if full else f"{seen.days_left} days are left"
        what = f"the audit tables take {seen.bytes / _GB:.2f} of {budget} GB; {left}"
        evidence = "select relname, pg_total_relation_size(oid) from pg_class where relname like 'audit\\_%'"
        yield found("disk_budget", "audit tables", what, evidence)
