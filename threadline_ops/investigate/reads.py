"""The reads themselves; each is one statement, in one read-only transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from threadline_ops.database import Database
from threadline_ops.errors import FilterError
from threadline_ops.export.filters import Filters
from threadline_ops.investigate.keys import Key, key_variants
from threadline_ops.investigate.records import ChangeRecord, TransactionDetail, TransactionRecord

DEFAULT_LIMIT = 100


def timeline(database: Database, filters: Filters, *, limit: int | None = DEFAULT_LIMIT) -> list[ChangeRecord]:
    """The newest changes that match, newest first; `limit` None means all of them."""
    return _changes(database, "timeline", filters.parameters() | {"limit": limit})


def history(
    database: Database,
    table: str,
    key: Key,
    *,
    schema: str | None = None,
    limit: int | None = DEFAULT_LIMIT,
) -> list[ChangeRecord]:
    """What happened to one row, newest first.

    Args:
        database: the audited database.
        table: its name without the schema.
        key: the primary key; a part of it finds every row that has that part.
        schema: only needed where two schemas have a table of this name.
        limit: at most so many changes.

    Raises:
        FilterError: the key is unusable.
    """
    parameters = {"table": table, "table_schema": schema, "keys": key_variants(key), "at": None, "limit": limit}
    return _changes(database, "history", parameters)


def actor(database: Database, filters: Filters, *, limit: int | None = DEFAULT_LIMIT) -> list[TransactionRecord]:
    """The transactions of the filters' actor, newest first.

    Raises:
        FilterError: the filters name no actor.
    """
    if filters.actor_ref is None:
        raise FilterError("no actor is given", fix="give an actor_ref such as user:42")
    return _transactions(
        database, {"actor_ref": filters.parameters()["actor_ref"], "transaction_id": None, "limit": limit}
    )


def transaction(database: Database, identity: UUID | str) -> TransactionDetail | None:
    """One transaction and its changes, or None when it is not (or no longer) there.

    Raises:
        FilterError: the id is no UUID.
    """
    wanted = _uuid(identity)
    found = _transactions(database, {"actor_ref": None, "transaction_id": wanted, "limit": 1})
    if not found:
        return None
    changes = _changes(database, "changes", {"transaction_id": wanted, "change_id": None})
    return TransactionDetail(found[0], changes)


def change(database: Database, identity: UUID | str) -> ChangeRecord | None:
    """One change, or None when it is not (or no longer) there.

    Raises:
        FilterError: the id is no UUID.
    """
    found = _changes(database, "changes", {"transaction_id": None, "change_id": _uuid(identity)})
    return found[0] if found else None


def _changes(database: Database, name: str, parameters: dict[str, Any]) -> list[ChangeRecord]:
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement(f"investigate/{name}"), parameters).fetchall()
    return [ChangeRecord.of(row) for row in rows]


def _transactions(database: Database, parameters: dict[str, Any]) -> list[TransactionRecord]:
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement("investigate/transactions"), parameters).fetchall()
    return [TransactionRecord.of(row) for row in rows]


def _uuid(value: UUID | str) -> UUID:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        raise FilterError("this is no id", got=value, fix="give the UUID as the timeline shows it") from None
