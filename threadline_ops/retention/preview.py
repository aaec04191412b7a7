"""The dry run: what a purge with this cutoff would delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import TupleRow

from threadline_ops.database import Connection, Database
from threadline_ops.retention import partitions
from threadline_ops.retention.foresight import ASSUMED, Rate, batches_of
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope, scope_of
from threadline_ops.retention.steps import look
from threadline_ops.retention.way import Way, way_of

#: What the dry run reads with, in order.
READ_WITH = (
    "retention/row_security_off",
    "retention/count_expired_changes",
    "retention/count_touched_transactions",
    "retention/count_empty_transactions",
    "retention/count_by_table_and_day",
    "retention/count_batches",
    "retention/count_actions",
    "partitions/ended",
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
        batches: how many batches the purge takes; "about" so many where their size adapts.
        batches_exact: whether that is certain, because their size is fixed.
        capped: more batches than the run may take, so it will stop before its end.
        held_changes: expired changes that stay because of a hold or keep_current.
        already_empty_transactions: without changes before the run; they would go too.
        bytes: of the rows of the expired changes.
        days: the same by table and day.
        partitions: those that will be dropped whole, as schema.name.
        by_rows: why the partitions of a partitioned audit_changes will be purged by rows; None when they will not.
        actions: actions that will belong to no transaction any more, and go.
        seconds: about how long the purge will take.
        seconds_basis: what that is computed from.
    """

    cutoff: datetime
    expired_changes: int
    emptied_transactions: int
    straddling_transactions: int
    kept_changes: int
    oldest: datetime | None
    batches: int
    batches_exact: bool = True
    capped: bool = False
    held_changes: int = 0
    already_empty_transactions: int = 0
    bytes: int = 0
    days: tuple[Day, ...] = ()
    partitions: tuple[str, ...] = ()
    by_rows: str | None = None
    actions: int = 0
    seconds: float = 0.0
    seconds_basis: str = ""


def preview(
    database: Database,
    policy: Policy,
    *,
    now: datetime,
    cutoff: datetime | None = None,
    direct: Database | None = None,
    rate: Rate | None = None,
) -> Preview:
    """Count, in one snapshot and without a statement timeout, what a purge would delete.

    Args:
        database: the audited one.
        policy: the rules.
        now: the database's clock.
        cutoff: an older one than the policy's.
        direct: a connection past any pooler, which decides whether partitions can be dropped.
        rate: how quickly purges went here, if that is known.

    Raises:
        PolicyError: the cutoff is not acceptable.
        UnsafeDatabase: row-level security hides rows from this role.
    """
    scope = scope_of(database, policy, now, cutoff)
    whole, by_rows = _partitions(database, direct, policy, scope)
    way = way_of(database, policy, scope, dropped=bool(whole))
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0) as connection:
        holds = look(database)
        expired, held, kept, oldest = _row(database, connection, scope, "retention/count_expired_changes", holds=holds)
        emptied, straddling = _row(database, connection, scope, "retention/count_touched_transactions", holds=holds)
        empty = database.one("retention/count_empty_transactions")[0] if way.sweep else 0
        by_day = scope.statement(database, "retention/count_by_table_and_day", holds=holds)
        days = tuple(
            Day(f"{schema}.{table}", day, changes, size)
            for schema, table, day, changes, size in connection.execute(by_day, scope.parameters)
        )
        batches, exact = batches_of(database, policy, scope, way, whole, expired, holds=holds, rate=rate or ASSUMED)
        actions = _actions(database, connection, policy, scope, way, holds=holds)
    return Preview(
        cutoff=scope.cutoff,
        expired_changes=expired,
        emptied_transactions=emptied if policy.delete_empty_transactions else 0,
        straddling_transactions=straddling,
        kept_changes=kept,
        oldest=oldest,
        batches=batches,
        batches_exact=exact,
        capped=batches > policy.max_batches,
        held_changes=held,
        already_empty_transactions=empty,
        bytes=sum(day.bytes for day in days),
        days=days,
        partitions=tuple(each.title for each in whole),
        by_rows=by_rows,
        actions=actions,
        seconds=round((rate or ASSUMED).seconds(expired), 1),
        seconds_basis=(rate or ASSUMED).basis,
    )


def _partitions(
    database: Database, direct: Database | None, policy: Policy, scope: Scope
) -> tuple[list[partitions.Partition], str | None]:
    """Those that would be dropped whole, and why none would be where that can be said."""
    if policy.partitions == "never" or not partitions.shape(database).partitioned:
        return [], None
    by_rows = partitions.by_rows_because(database, direct, policy)
    if by_rows is not None:
        return [], by_rows
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
        return partitions.ended(database, scope, holds=look(database)), None


def _actions(database: Database, connection: Connection, policy: Policy, scope: Scope, way: Way, *, holds: bool) -> int:
    """How many actions will go; none where there are no actions, or they are to stay."""
    if not (policy.delete_actions and scope.semantics):
        return 0
    row = connection.execute(
        scope.statement(database, "retention/count_actions", holds=holds),
        scope.parameters | {"emptied_go": policy.delete_empty_transactions, "empty_go": way.sweep},
    ).fetchone()
    assert row is not None
    return row[0]


def _row(database: Database, connection: Connection, scope: Scope, name: str, *, holds: bool) -> TupleRow:
    row = connection.execute(scope.statement(database, name, holds=holds), scope.parameters).fetchone()
    assert row is not None
    return row
