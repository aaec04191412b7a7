"""Find out what stands between here and PostgreSQL, by what it does and by what it says.

A server tells a new connection its backend's pid, as the key of a later cancel request. A pooler has no backend
yet when it answers, so it makes a key up: then `pg_backend_pid()` gives another number.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum

import psycopg

from threadline_ops.database import Connection, Database, connect
from threadline_ops.server_errors import translated
from threadline_ops.settings import Settings
from threadline_ops.topology import console
from threadline_ops.topology.targets import Target

#: Connections that are open together, and how often each is asked for its backend. On an idle pool one round
#: of two shows sharing; on a busy one every further statement is another chance.
CONNECTIONS = 4
ROUNDS = 10

UNKNOWN_POOLER = "a pooler of unknown kind"


class Mode(Enum):
    """When a client's backend goes back to the pool."""

    direct = "direct"
    session = "session"
    transaction = "transaction"
    statement = "statement"
    unknown = "unknown"


@dataclass(frozen=True)
class Facts:
    """The chain of one environment, as measured.

    Attributes:
        mode: pool mode; `direct` is no pooler.
        product: such as "PgBouncer 1.18.0", "none", or that its kind is unknown.
        how: how mode and product are known, for people.
        pool_size: server connections for this database and user; None where nobody says.
        max_prepared_statements: of the pooler; 0 is off, None where it has or tells none.
        server_version: PostgreSQL's.
        tls: whether the connection from here is encrypted.
        system_identifier: which cluster; None where the role may not ask.
        console_agrees: whether what the console says is what connections saw; None where only one of them speaks.
    """

    mode: Mode
    product: str
    how: str
    pool_size: int | None
    max_prepared_statements: int | None
    server_version: str
    tls: bool
    system_identifier: str | None = None
    console_agrees: bool | None = None

    @property
    def pooled(self) -> bool:
        """Whether there is a pooler at all."""
        return self.mode is not Mode.direct


@dataclass(frozen=True)
class Behaviour:
    """What connections saw, before anybody was asked."""

    mode: Mode
    how: str
    names_pgbouncer: bool = False


def detect(target: Target) -> Facts:
    """Measure one environment's chain; reads only, writes nothing and sets nothing.

    Raises:
        OpsError: there is no connection string, or no connection.
    """
    seen = behaviour(target.settings)
    version, tls, identifier = _server(target)
    if seen.mode is Mode.direct:
        return Facts(seen.mode, "none", seen.how, None, None, version, tls, identifier)
    said = _ask(target)
    if isinstance(said, str):
        known = "PgBouncer of unknown version" if seen.names_pgbouncer or "PgBouncer" in said else None
        product = known or target.declared.pooler or UNKNOWN_POOLER
        how = f"{seen.how}; {said}" + (", the product is as declared" if product == target.declared.pooler else "")
        return Facts(seen.mode, product, how, None, None, version, tls, identifier)
    exact = Mode(said.pool_mode) if said.pool_mode in {mode.value for mode in Mode} else seen.mode
    agrees = exact is seen.mode
    how = f"admin console: pool_mode = {said.pool_mode}; {seen.how}"
    # What connections saw decides: it is what the application meets, whatever a configuration says.
    return Facts(
        seen.mode, said.version, how, said.pool_size, said.max_prepared_statements, version, tls, identifier, agrees
    )


def behaviour(settings: Settings, *, direct: bool = False) -> Behaviour:
    """Which mode connections see."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(settings, direct=direct)) for _ in range(CONNECTIONS)]
        with translated():
            pids = [_pid(connection) for connection in connections]
            if pids == [connection.info.backend_pid for connection in connections]:
                return Behaviour(Mode.direct, f"{CONNECTIONS} connections are told their real backend's pid")
        refusal = _refuses_transactions(connections[-1])
        if refusal is not None:
            return refusal
        return _sharing(connections)


def _sharing(connections: list[Connection]) -> Behaviour:
    """Whether backends belong to connections, or are lent to them."""
    owner: dict[int, int] = {}
    for turn in range(ROUNDS):
        for index, connection in enumerate(connections):
            with translated():
                pid = _pid(connection)
            if owner.setdefault(pid, index) != index or len(owner) > len(connections):
                return Behaviour(
                    Mode.transaction,
                    f"the pid told at login is made up, and two open connections were given one backend in turn "
                    f"(round {turn + 1})",
                )
    return Behaviour(
        Mode.session,
        f"the pid told at login is made up, and {len(connections)} open connections kept a backend each over "
        f"{ROUNDS} rounds",
    )


def _refuses_transactions(connection: Connection) -> Behaviour | None:
    try:
        with connection.transaction():
            first, second = _pid(connection), _pid(connection)
    except psycopg.Error as error:
        if "statement pooling" in str(error):
            return Behaviour(
                Mode.statement, 'BEGIN is refused: "transaction blocks not allowed in statement pooling mode"', True
            )
        if connection.closed or error.sqlstate is None:
            return Behaviour(Mode.unknown, "the pid told at login is made up, and a transaction could not be finished")
        return Behaviour(Mode.statement, f"BEGIN is refused (SQLSTATE {error.sqlstate})")
    if first != second:
        return Behaviour(Mode.statement, "one transaction's statements reached two backends")
    return None


def _ask(target: Target) -> console.Console | str:
    dsn = target.settings.dsn
    if dsn is None:
        return "there is no connection string"
    admin = target.declared.admin_dsn
    database, user = console.pair(dsn.get_secret_value())
    return console.ask(
        dsn.get_secret_value(),
        admin_dsn=admin.get_secret_value() if admin else None,
        database=database,
        user=user,
        timeout_s=target.settings.database.connect_timeout_s,
    )


def _server(target: Target) -> tuple[str, bool, str | None]:
    """Server version, encryption and identity; plain statements, because statement pooling knows no others."""
    with connect(target.settings) as connection, translated():
        database = Database(connection, target.settings.database, "topology_check")
        version, may_identify = database.one("topology/server")
        identifier = str(database.one("topology/system_identifier")[0]) if may_identify else None
        return str(version), connection.pgconn.ssl_in_use, identifier


def _pid(connection: Connection) -> int:
    row = connection.execute("select pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])
