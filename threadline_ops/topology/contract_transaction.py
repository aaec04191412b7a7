"""Clauses about what holds inside one transaction: locks, streams and timeouts."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
from psycopg import sql

from threadline_ops.database import Connection, Database, connect, opened
from threadline_ops.errors import DatabaseError
from threadline_ops.server_errors import translated
from threadline_ops.sql import statement
from threadline_ops.topology.clause import Clause, Seen, in_time
from threadline_ops.topology.detect import Facts
from threadline_ops.topology.targets import Target

_OPERATION = "topology_check"
_ROWS = 5_000
_TIMEOUT_MS = 50
#: Well over the timeout, and short if the timeout does not hold.
_SLEEP_S = 2.0


def locks(target: Target, facts: Facts) -> Seen:
    """An advisory lock of one open transaction, tried from another connection."""
    del facts
    key, other = (f"threadline_ops/probe/{secrets.token_hex(8)}" for _ in range(2))
    with connect(target.settings) as first, connect(target.settings) as second, ThreadPoolExecutor(1) as executor:
        with first.transaction():
            mine = _try(first, key)
            # In a thread: behind a pool of one backend this would wait for the transaction that is open here.
            theirs, control = in_time(executor.submit(_try_in_turn, second, (key, other)))
        (afterwards,) = in_time(executor.submit(_try_in_turn, second, (key,)))
    observed = (
        f"held by one transaction, {'refused to' if not theirs else 'given to'} another, and "
        f"{'free' if afterwards else 'not free'} after its end"
    )
    return Seen(mine and not theirs and afterwards, observed, control_failed=control)


def _try(connection: Connection, key: str) -> bool:
    row = connection.execute(statement("lock/acquire"), {"key": key}).fetchone()
    return bool(row and row[0])


def _try_in_turn(connection: Connection, keys: tuple[str, ...]) -> tuple[bool, ...]:
    with translated(), connection.transaction():
        return tuple(_try(connection, key) for key in keys)


def streams(target: Target, facts: Facts) -> Seen:
    """COPY and a server-side cursor over the same rows, in one transaction."""
    del facts
    numbers = sql.SQL("select i from pg_catalog.generate_series(1, {}) as i").format(sql.Literal(_ROWS))
    name = f"threadline_ops_{secrets.token_hex(4)}"
    with opened(target.settings, _OPERATION) as database:
        with database.transaction(read_only=True) as connection:
            with connection.cursor() as plain, plain.copy(sql.SQL("copy ({}) to stdout").format(numbers)) as copy:
                copied = sum(int(bytes(part)) for part in copy)
            connection.execute(sql.SQL("declare {} cursor for {}").format(sql.Identifier(name), numbers))
            fetch = sql.SQL("fetch 700 from {}").format(sql.Identifier(name))
            fetched = 0
            while rows := connection.execute(fetch).fetchall():
                fetched += sum(int(row[0]) for row in rows)
        control = _refused(database, fetch)
    expected = _ROWS * (_ROWS + 1) // 2
    return Seen(
        copied == fetched == expected,
        f"{_ROWS} rows by COPY and by a cursor in steps of 700: sums {copied} and {fetched}",
        control_failed=control,
    )


def _refused(database: Database, fetch: sql.Composed) -> bool:
    try:
        with database.connection.transaction():
            database.connection.execute(fetch)
    except psycopg.errors.InvalidCursorName:
        return True
    return False


def timeouts(target: Target, facts: Facts) -> Seen:
    """A statement that runs longer than its transaction's timeout, and one in the next transaction."""
    del facts
    with opened(target.settings, _OPERATION) as database:
        began = time.monotonic()
        ended = _canceled(database, _TIMEOUT_MS, _SLEEP_S)
        seconds = time.monotonic() - began
        with translated():
            row = database.connection.execute(statement("topology/statement_timeout")).fetchone()
        left = bool(row and row[0] == f"{_TIMEOUT_MS}ms")
        control = not _canceled(database, 30_000, _TIMEOUT_MS * 2 / 1000)
    return Seen(
        ended and not left and seconds < _SLEEP_S,
        f"a sleep of {_SLEEP_S:.0f} s under a timeout of {_TIMEOUT_MS} ms ended after {seconds:.2f} s; "
        f"the next transaction {'still has' if left else 'does not have'} that timeout",
        control_failed=control,
    )


def _canceled(database: Database, timeout_ms: int, seconds: float) -> bool:
    try:
        with database.transaction(statement_timeout_ms=timeout_ms):
            database.one("topology/sleep", {"seconds": seconds})
    except DatabaseError as error:
        return "57014" in str(error)
    return False


CLAUSES = (
    Clause(
        "advisory_locks_exclude",
        "An advisory lock of a transaction keeps others out until its end",
        "another key, tried meanwhile",
        locks,
    ),
    Clause(
        "streams_work_in_one_transaction",
        "COPY and server-side cursors deliver every row inside one transaction",
        "the cursor, used after its transaction",
        streams,
    ),
    Clause(
        "local_timeouts_apply",
        "A timeout set for one transaction ends its statements, and is gone in the next",
        "a statement longer than that timeout, under a larger one",
        timeouts,
    ),
)
