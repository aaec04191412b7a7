"""Single flight: at most one run of an operation in a database.

One extra connection holds an advisory lock of its open transaction for the whole run. The transaction is READ
COMMITTED and idle, so it holds no snapshot and does not keep vacuum back; behind a transaction-pooling pooler
it pins one server connection, which a session-level lock could not.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from threadline_ops.database import Connection, Database, application_name, opened
from threadline_ops.errors import LockHeld, LockLost
from threadline_ops.server_errors import translated
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class RunLock:
    """The lock of the run at hand."""

    _connection: Connection

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises:
            LockLost: its connection has gone, so a second run may already have begun.
        """
        try:
            self._connection.execute("select 1")
        except psycopg.Error:
            raise LockLost(
                "the connection that holds this run's lock was lost",
                fix="run again; every finished batch is kept",
            ) from None


@contextmanager
def single_flight(settings: Settings, operation: str, *, run_id: str) -> Generator[RunLock]:
    """Hold the operation's lock for the length of a `with`.

    Args:
        settings: which database, and which audit schema in it.
        operation: runs of the same operation exclude one another.
        run_id: shown in pg_stat_activity, so that the loser of a race can say who won.

    Raises:
        LockHeld: another run is at work; the message names it.
    """
    # Not Database.transaction(): this one must outlive any timeout, and is never committed for effect.
    with opened(settings, operation) as database, translated(), database.connection.transaction():
        _acquire(database, operation, run_id)
        yield RunLock(database.connection)


def _acquire(database: Database, operation: str, run_id: str) -> None:
    name = application_name(f"{operation} {run_id}")
    key = {"key": f"threadline_ops/{database.settings.audit_schema}/{operation}"}
    database.one("lock/patience", {"application_name": name})
    if not database.one("lock/acquire", key)[0]:
        holder = database.connection.execute(database.statement("lock/holder"), key).fetchone()
        who = "it ended a moment ago" if holder is None else f"{holder[0]}, pid {holder[1]}, since {holder[2]}"
        raise LockHeld(
            f"another {operation} run is at work on this database: {who}",
            fix="wait for it to end, or stop it; this run changed nothing",
        )
