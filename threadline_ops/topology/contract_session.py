"""Clauses about what outlives a transaction: nothing of ours does."""

from __future__ import annotations

import secrets
from contextlib import ExitStack

from psycopg import sql

from threadline_ops.database import Connection, Database, connect
from threadline_ops.server_errors import translated
from threadline_ops.sql import statement
from threadline_ops.topology.clause import Clause, Seen
from threadline_ops.topology.detect import CONNECTIONS, Behaviour, Facts, Mode, behaviour
from threadline_ops.topology.targets import Target

#: Our own name, never the actor's: a leak made on purpose must not attribute anybody's writes.
_LEAK = "threadline_ops.probe_leak"
_ROUNDS = 10
#: Times that an ordinary statement is repeated; drivers prepare after five.
_REPEATS = 12


def leaks(target: Target, facts: Facts) -> Seen:
    """Our settings, made for one transaction, beside one made for the session."""
    token = secrets.token_hex(8)
    with ExitStack() as stack, translated():
        connections = [stack.enter_context(connect(target.settings)) for _ in range(CONNECTIONS)]
        for connection in connections:
            _attributed(Database(connection, target.settings.database, f"topology_check {token}"), token)
        ours = sum(_holds(connection, "topology/left_behind", token) for connection in _turns(connections))
        reached, kept = _leak(connections, token)
    shared = facts.mode is Mode.transaction
    observed = (
        f"{ours} of {_ROUNDS * CONNECTIONS} later statements saw a setting of ours; a session-level SET of another "
        f"name {'reached another client' if reached else 'reached no other client'}"
    )
    return Seen(ours == 0, observed, control_failed=reached if shared else kept)


def _attributed(database: Database, token: str) -> None:
    with database.transaction() as connection:
        connection.execute(statement("topology/set_actor"), {"actor": f'{{"type": "system", "id": "{token}"}}'})


def _leak(connections: list[Connection], token: str) -> tuple[bool, bool]:
    """Set for the session, look from everywhere, and take it back: who saw it, another client or the same one?"""
    first, *others = connections
    values = {"name": _LEAK, "value": token}
    first.execute(statement("topology/set_for_session"), values)
    try:
        kept = _holds(first, "topology/holds_value", token)
        reached = any(_holds(connection, "topology/holds_value", token) for connection in _turns(others))
    finally:
        for connection in _turns(connections):
            connection.execute(statement("topology/take_back"), values)
    return reached, kept


def _turns(connections: list[Connection]) -> list[Connection]:
    return connections * _ROUNDS


def _holds(connection: Connection, name: str, token: str) -> bool:
    row = connection.execute(statement(name), {"name": _LEAK, "value": token}).fetchone()
    return bool(row and row[0])


def prepared(target: Target, facts: Facts) -> Seen:
    """How many prepared statements repeated work leaves on backends."""
    nonce = secrets.token_hex(8)
    repeated = sql.SQL("select {}").format(sql.Literal(nonce))
    named = sql.SQL("prepare {} as select {}").format(sql.Identifier(f"threadline_ops_{nonce}"), sql.Literal(nonce))
    freed = sql.SQL("deallocate {}").format(sql.Identifier(f"threadline_ops_{nonce}"))
    with ExitStack() as stack, translated():
        connections = [stack.enter_context(connect(target.settings)) for _ in range(CONNECTIONS)]
        for connection in connections * _REPEATS:
            connection.execute(repeated)
        left = sum(_count(connection, nonce) for connection in connections)
        with connections[0].transaction():
            connections[0].execute(named)
            control = _count(connections[0], nonce)
            connections[0].execute(freed)
    limit = facts.max_prepared_statements
    policy = "the pooler tells none" if limit is None else f"the pooler keeps up to {limit}"
    return Seen(
        left == 0,
        f"{left} prepared after {_REPEATS} repeats on {CONNECTIONS} connections; {policy}",
        control_failed=control == 1,
    )


def _count(connection: Connection, nonce: str) -> int:
    row = connection.execute(statement("topology/count_prepared"), {"nonce": nonce}).fetchone()
    return int(row[0]) if row else 0


def direct_path(target: Target, facts: Facts) -> Seen:
    """Where DDL goes: past the pooler, to the same database."""
    control = behaviour(target.settings).mode is not Mode.direct if facts.pooled else not _truthful([1, 2], [1, 3])
    if not facts.pooled:
        return Seen(True, "the connection is direct itself", control)
    if target.settings.direct_dsn is None:
        return Seen(False, "there is a pooler, and no THREADLINE_OPS_DIRECT_DSN that leads past it", control)
    reached: Behaviour = behaviour(target.settings, direct=True)
    same = _place(target, direct=True) == _place(target, direct=False)
    observed = (
        f"the direct connection is {reached.mode.value}, and leads to {'the same' if same else 'another'} database"
    )
    return Seen(reached.mode is Mode.direct and same, observed, control)


def _truthful(pids: list[int], told: list[int]) -> bool:
    return pids == told


def _place(target: Target, *, direct: bool) -> tuple[object, ...]:
    """What two connection strings to one database have in common."""
    with connect(target.settings, direct=direct) as connection, translated():
        row = connection.execute(statement("topology/place")).fetchone()
        return tuple(row) if row else ()


CLAUSES = (
    Clause(
        "no_session_state_is_left",
        "Nothing that one transaction sets is seen by the next client",
        "a setting made for the session instead",
        leaks,
    ),
    Clause(
        "no_statement_is_prepared",
        "Repeated work leaves no prepared statement on a backend",
        "a statement prepared on purpose",
        prepared,
    ),
    Clause(
        "ddl_has_a_direct_path",
        "DDL reaches this database past any pooler",
        "the same recognition, of a connection that is not direct",
        direct_path,
        needs_transactions=False,
    ),
)
