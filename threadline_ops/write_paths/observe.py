"""Find what capture recorded of one exercise: by its link, by its transaction, or by its mark in the data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from threadline_ops.database import Database

POLL_SECONDS = 0.1
#: An action may be linked by a later statement, or a later transaction, than the writes.
LINK_SECONDS = 2.0


@dataclass(frozen=True)
class Horizon:
    """The moment before the exercise, in the database's own terms.

    Attributes:
        since: its clock.
        txid: no transaction that begins later has a lower id.
    """

    since: datetime
    txid: int


@dataclass(frozen=True)
class Change:
    """One captured change. Its values stay in memory: they are checked, never shown."""

    schema: str
    table: str
    op: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Transaction:
    """One audit transaction that belongs to the exercise.

    Attributes:
        actor: its actor_ref, whatever that is.
        malformed: capture met an actor that it could not take.
        linked: to the action with the correlation id.
        by: how it was found: link, action, mark, or alone.
    """

    id: str
    txid: int
    actor: Any
    malformed: bool
    linked: bool
    by: str
    changes: tuple[Change, ...]

    def wrote(self) -> list[str]:
        """Its changes as settings write them."""
        return [f"{change.op} {change.schema}.{change.table}" for change in self.changes]


@dataclass(frozen=True)
class Sighting:
    """Everything found.

    Attributes:
        actions: actions with the correlation id.
        job_ids: those of them that carry a job id.
        nearby: transactions that wrote to the declared tables meanwhile, whoever made them.
    """

    actions: int
    job_ids: int
    transactions: tuple[Transaction, ...]
    nearby: int

    def covers(self, writes: list[str]) -> bool:
        """Whether every declared write is among the changes."""
        seen = {write for transaction in self.transactions for write in transaction.wrote()}
        return seen.issuperset(writes)


def horizon(database: Database) -> Horizon:
    """Now, before the exercise."""
    with database.transaction(read_only=True):
        since, txid = database.one("write_paths/horizon")
    return Horizon(since, int(txid))


def wait(
    database: Database,
    correlation_id: str,
    start: Horizon,
    writes: list[str],
    *,
    timeout_s: float,
    should_stop: Callable[[], bool],
) -> Sighting:
    """Look until every declared write is there and linked, or the time is over.

    Args:
        database: where capture writes.
        correlation_id: of the exercise.
        start: from before it.
        writes: as declared, tables with their schema.
        timeout_s: how long rows may take.
        should_stop: asked between looks.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look(database, correlation_id, start, writes)
        now = time.monotonic()
        if seen.covers(writes):
            if all(transaction.linked for transaction in seen.transactions):
                return seen
            deadline = min(deadline, now + LINK_SECONDS)
        if now >= deadline or should_stop():
            return seen
        time.sleep(POLL_SECONDS)


def look(database: Database, correlation_id: str, start: Horizon, writes: list[str]) -> Sighting:
    """What is recorded by now."""
    tables = sorted({write.split(" ", 1)[1] for write in writes})
    parameters = {
        "correlation_id": correlation_id,
        "since": start.since,
        "txid": start.txid,
        "tables": tables,
    }
    with database.transaction(read_only=True, snapshot=True) as connection:
        actions, job_ids = database.one("write_paths/actions", parameters)
        rows = connection.execute(database.statement("write_paths/transactions"), parameters).fetchall()
    found = [_transaction(row) for row in rows]
    ours = tuple(transaction for transaction in found if transaction.by != "alone")
    # Nothing carries the correlation id: a single writer in the time at hand can only be this exercise.
    if not ours and len(found) == 1:
        ours = tuple(found)
    return Sighting(int(actions), int(job_ids), ours, len(found))


def _transaction(row: tuple[Any, ...]) -> Transaction:
    identifier, txid, actor, meta, linked, by, changes = row
    malformed = isinstance(meta, dict) and "malformed_actor_ref" in meta
    parsed = tuple(Change(c["schema"], c["table"], c["op"], c["values"]) for c in changes)
    return Transaction(str(identifier), int(txid), actor, malformed, bool(linked), str(by), parsed)
