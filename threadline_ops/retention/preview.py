"""The dry run: what a purge with this cutoff would delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import TupleRow

from threadline_ops.database import Connection, Database
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope, scope_of
from threadline_ops.retention.steps import look
from threadline_ops.retention.way import way_of

#: What the dry run reads with, in order.
READ_WITH = (
    "retention/row_security_off",
    "retention/count_expired_changes",
    "retention/count_touched_transactions",
    "retention/count_empty_transactions",
    "retention/count_by_table_and_day",
)


@dataclass(frozen=True)
class Day:
    """What would go of one table's history of one UTC day.

    Attributes:
        table: schema.table.
        day: of captured_at.
        changes: how many.
        bytes: of their rows as stored, without indexes.
    """

    table: str
    day: str
    changes: int
    bytes: int


@dataclass(frozen=True)
class Preview:
    """Counts at one moment; a purge that follows at once on a quiet database deletes exactly these.

    Attributes:
        cutoff: changes captured strictly before it are expired.
        expired_changes: how many are, and may go.
        emptied_transactions: transactions that lose their last change, so that they would go too.
        straddling_transactions: transactions that lose some changes and keep others.
        kept_changes: changes that are not expired.
        oldest: captured_at of the oldest change, if there is any.
        batches: how many batches the purge takes, at the configured batch size.
        held_changes: expired changes that stay because of a hold or keep_current.
        already_empty_transactions: without changes before the run; they would go too.
        bytes: of the rows of the expired changes.
        days: the same by table and day.
    """

    cutoff: datetime
    expired_changes: int
    emptied_transactions: int
    straddling_transactions: int
    kept_changes: int
    oldest: datetime | None
    batches: int
    held_changes: int = 0
    already_empty_transactions: int = 0
    bytes: int = 0
    days: tuple[Day, ...] = ()


def preview(database: Database, policy: Policy, *, now: datetime, cutoff: datetime | None = None) -> Preview:
    """Count, in one snapshot and without a statement timeout, what a purge would delete.

    Raises:
        PolicyError: the cutoff is not acceptable.
        UnsafeDatabase: row-level security hides rows from this role.
    """
    scope = scope_of(database, policy, now, cutoff)
    sweep = way_of(database, policy, scope).sweep
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0) as connection:
        holds = look(database)
        expired, held, kept, oldest = _row(database, connection, scope, "count_expired_changes", holds=holds)
        emptied, straddling = _row(database, connection, scope, "count_touched_transactions", holds=holds)
        empty = database.one("retention/count_empty_transactions")[0] if sweep else 0
        by_day = scope.statement(database, "count_by_table_and_day", holds=holds)
        days = tuple(
            Day(f"{schema}.{table}", day, changes, size)
            for schema, table, day, changes, size in connection.execute(by_day, scope.parameters)
        )
    return Preview(
        cutoff=scope.cutoff,
        expired_changes=expired,
        emptied_transactions=emptied if policy.delete_empty_transactions else 0,
        straddling_transactions=straddling,
        kept_changes=kept,
        oldest=oldest,
        batches=-(-expired // policy.batch_size),
        held_changes=held,
        already_empty_transactions=empty,
        bytes=sum(day.bytes for day in days),
        days=days,
    )


def _row(database: Database, connection: Connection, scope: Scope, name: str, *, holds: bool) -> TupleRow:
    row = connection.execute(scope.statement(database, name, holds=holds), scope.parameters).fetchone()
    assert row is not None
    return row
