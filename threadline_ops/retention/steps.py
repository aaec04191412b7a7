"""One step of a purge, in one transaction: a slice of changes, or a range of transactions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from threadline_ops.database import Database
from threadline_ops.errors import Busy, DatabaseError
from threadline_ops.retention.scope import Scope

NIL_UUID = "00000000-0000-0000-0000-000000000000"
LAST_UUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

#: A writer that keeps adding changes to emptied transactions is no accident.
ATTEMPTS = 3

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Key:
    """A place in the order of (captured_at, id), as text: by default before everything, else after a change.

    With the last id there is, it is after all changes of its moment.
    """

    time: str = "-infinity"
    id: str = NIL_UUID

    @property
    def within_a_moment(self) -> bool:
        """Whether changes of the same moment may lie on both sides."""
        return self.id not in (NIL_UUID, LAST_UUID)


@dataclass(frozen=True)
class Slice:
    """What one batch came to.

    Attributes:
        end: the last key that it looked at.
        tables: what went, by table.
        emptied: transactions that went with it.
        duration: of the whole transaction.
        deleting: of its one deleting statement, the part that grows with the batch.
    """

    end: Key
    tables: list[dict[str, Any]]
    emptied: int
    duration: timedelta
    deleting: timedelta

    @property
    def changes(self) -> int:
        """How many changes it deleted."""
        return sum(int(row["changes"]) for row in self.tables)


class Disturbed(Exception):
    """Other changes went than the step saw: by the cascade from a transaction, or not at all; the step is undone."""


def holds_key(database: Database) -> str:
    """The advisory lock between batches (shared) and whoever places a hold (exclusive)."""
    return f"threadline_ops/{database.settings.audit_schema}/holds"


def begin(database: Database) -> tuple[int, bool]:
    """First in every deleting transaction: how many changes it has deleted so far, and whether holds exist."""
    database.one("retention/turn", {"holds_key": holds_key(database)})
    return deleted_so_far(database)


def settle(database: Database) -> None:
    """Wait until every step that was committed before is on disk, whichever connection committed it.

    Raises:
        DatabaseError: the server is gone; a crash may have undone the last steps.
    """
    with database.transaction():
        database.one("retention/probe")


def settled(database: Database) -> bool:
    """Whether that succeeds."""
    try:
        settle(database)
    except DatabaseError:
        return False
    return True


def look(database: Database) -> bool:
    """First in every transaction that only counts: whether holds exist. It makes nobody wait."""
    database.one("retention/row_security_off")
    return deleted_so_far(database)[1]


def deleted_so_far(database: Database) -> tuple[int, bool]:
    """How many changes the transaction at hand has deleted, by cascades too, and whether holds exist."""
    schemas = {"audit": database.settings.audit_schema, "ops": database.settings.operations_schema}
    deleted, holds = database.one("retention/deleted_so_far", schemas)
    return deleted, holds


def delete_slice(
    database: Database, scope: Scope, after: Key, until: str | None, size: int, *, emptied: bool
) -> Slice | None:
    """Delete the next slice after a key, or None when there is nothing left before `until`.

    Args:
        database: where.
        scope: what may go.
        after: the last key that was looked at.
        until: the exclusive end of the walk, or None for the scope's own.
        size: changes to look at, at most.
        emptied: delete the transactions that lose their last change, too.

    Raises:
        Busy: a lock or a time limit ended the step; nothing of it was kept.
    """
    return undisturbed(lambda: _delete_slice(database, scope, after, until, size, emptied=emptied))


def _delete_slice(
    database: Database, scope: Scope, after: Key, until: str | None, size: int, *, emptied: bool
) -> Slice | None:
    started = time.monotonic()
    bounds = scope.parameters | {"after_time": after.time, "after_id": after.id, "size": size}
    if until is not None:
        bounds["until"] = until
    with database.transaction() as connection:
        before, holds = begin(database)
        end = _end(database, after, bounds)
        if end is None:
            return None
        chosen = "eligible" if scope.keeps_some(holds=holds) or scope.windows else "slice"
        name = "retention/delete_slice_and_emptied" if emptied else f"retention/delete_{chosen}"
        deleting = time.monotonic()
        row = connection.execute(
            scope.statement(database, name, holds=holds), bounds | {"last_time": end.time, "last_id": end.id}
        ).fetchone()
        deleted = timedelta(seconds=time.monotonic() - deleting)
        assert row is not None
        tables, transactions = row
        if deleted_so_far(database)[0] - before != sum(t["changes"] for t in tables):
            raise Disturbed
    return Slice(end, tables, transactions, timedelta(seconds=time.monotonic() - started), deleted)


def _end(database: Database, after: Key, bounds: dict[str, Any]) -> Key | None:
    """The last key of the next slice; None when nothing is left."""
    if not after.within_a_moment:
        beyond = {"beyond": "1 microsecond" if after.id == LAST_UUID else "0"}
        last = database.connection.execute(database.statement("retention/next_slice"), bounds | beyond).fetchone()
        if last is None:
            return None
        moment, ends_with_it = last
        if ends_with_it:
            return Key(moment, LAST_UUID)
    last = database.connection.execute(database.statement("retention/next_slice_by_id"), bounds).fetchone()
    if last is None:
        return None
    moment, identity, ends_with_it = last
    return Key(moment, LAST_UUID if ends_with_it else identity)


def sweep_range(database: Database, first: int, blocks: int) -> int:
    """Delete the empty transactions in a range of heap blocks; how many there were.

    Raises:
        Busy: a lock or a time limit ended the step; nothing of it was kept.
    """
    return undisturbed(lambda: _sweep_range(database, first, blocks))


def _sweep_range(database: Database, first: int, blocks: int) -> int:
    with database.transaction() as connection:
        before, _ = begin(database)
        deleted = connection.execute(
            database.statement("retention/sweep_range"),
            {"first": f"({first},0)", "beyond": f"({first + blocks},0)"},
        ).rowcount
        if deleted and deleted_so_far(database)[0] != before:
            raise Disturbed
    return deleted


def transaction_blocks(database: Database) -> int:
    """How many heap blocks the transactions take."""
    with database.transaction(read_only=True):
        return database.one("retention/transaction_blocks", {"audit": database.settings.audit_schema})[0]


def undisturbed(step: Callable[[], Outcome]) -> Outcome:
    """Repeat a step beside which changes were added, changed or deleted: the next snapshot sees that."""
    for _ in range(ATTEMPTS):
        try:
            return step()
        except Disturbed:
            continue
    raise Busy(
        "other changes would go than this step was to delete: another session adds, changes or deletes some at the "
        "same time, or a trigger on audit_changes keeps them",
        fix="run again when that session has ended, or drop the trigger; nothing of the step was kept",
    )
