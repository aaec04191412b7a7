"""Lives through the flights of 2013 once more, as the application's own transactions.

Everything in the audit tables comes from the capture triggers, and from the application recording its actions:
the replay writes no change of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from threadline_ops.database import Connection, Database
from threadline_ops.demo.marker import require_demo
from threadline_ops.demo.plan import plan
from threadline_ops.demo.schema import SCHEMA
from threadline_ops.demo.transactions import Action, Actor, Transaction

#: The Wrights' first flight was in 1903; any number would do.
SEED = 1903


@dataclass(frozen=True)
class FlightsReplayed:
    """One more transaction of the application is committed."""

    at: datetime
    transactions: int
    planned_transactions: int
    changes: int


@dataclass(frozen=True)
class ReplayResult:
    """What the application wrote: row changes by table, and how often it said who did what and why."""

    transactions: int
    changes: Mapping[str, int]
    actions: int


def replay(
    database: Database, *, months: int = 1, limit: int | None = None, seed: int = SEED
) -> Generator[FlightsReplayed, None, ReplayResult]:
    """Insert flights as they were scheduled, then update them as they were delayed, cancelled, left and arrived.

    Args:
        database: the demo's, with its tables; captured or not.
        months: how many months from January on, 1 to 12; one is 27,004 flights in some 9,400 transactions.
        limit: at most so many flights, the first ones scheduled.
        seed: decides what the data does not have, such as bookings.

    Raises:
        UnsafeDatabase: the database is not the demo's.
        SettingsError: months or limit are out of range, or the data is not installed.
        DatabaseError: the server refused a statement; committed transactions stay.
    """
    require_demo(database)
    planned = plan(months=months, limit=limit, seed=seed)
    statements = _statements(database, planned)
    counts: Counter[str] = Counter()
    actions = 0
    for number, transaction in enumerate(planned, 1):
        with database.transaction() as connection, connection.pipeline():
            _write(connection, statements, transaction)
        counts.update({write.table: len(write.rows) for write in transaction.writes})
        actions += transaction.action is not None
        yield FlightsReplayed(transaction.at, number, len(planned), counts.total())
    return ReplayResult(len(planned), dict(sorted(counts.items())), actions)


def _statements(database: Database, planned: Iterable[Transaction]) -> dict[str, bytes]:
    """Each statement's text, composed once instead of thousands of times."""
    names = {write.statement for transaction in planned for write in transaction.writes}
    return {
        name: database.statement(f"demo/{name}", app=SCHEMA).as_bytes(database.connection)
        for name in sorted(names | {"begin_transaction", "link_action"})
    }


def _write(connection: Connection, statements: Mapping[str, bytes], transaction: Transaction) -> None:
    connection.execute(statements["begin_transaction"], {"actor": _text(transaction.actor)})
    for write in transaction.writes:
        connection.execute(statements[write.statement], {"rows": Jsonb(write.rows)})
    if transaction.action:
        connection.execute(statements["link_action"], _parameters(transaction.action, transaction.actor))


def _parameters(action: Action, actor: Actor) -> dict[str, str | None]:
    return {
        "name": action.name,
        "actor": _text(actor),
        "correlation_id": action.correlation_id,
        "job_id": action.job_id,
        "reason": action.reason,
    }


def _text(actor: Actor) -> str:
    return json.dumps(actor.reference())
