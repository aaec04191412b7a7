"""PgBouncer's admin console: the exact pool mode and sizes, where the login is one of its stats_users."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, LiteralString, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: The console speaks the simple protocol on a database of this name, and knows neither BEGIN nor parameters.
DATABASE = "pgbouncer"


@dataclass(frozen=True)
class Console:
    """What PgBouncer says of itself.

    Attributes:
        version: such as "PgBouncer 1.18.0".
        pool_mode: of the pair of database and user at hand, which may differ from the default.
        pool_size: server connections for that pair, at most.
        max_prepared_statements: 0 is off; None where the version knows no such thing.
    """

    version: str
    pool_mode: str | None
    pool_size: int | None
    max_prepared_statements: int | None


def ask(dsn: str, *, admin_dsn: str | None, database: str, user: str, timeout_s: int) -> Console | str:
    """Ask the console, or say in a few words why it does not answer.

    Args:
        dsn: the pooled connection string; its login is tried where there is no `admin_dsn`.
        admin_dsn: a login that may read the console.
        database: whose pool.
        user: whose pool.
        timeout_s: how long to wait for the connection.
    """
    where = make_conninfo(admin_dsn or dsn, dbname=DATABASE, connect_timeout=timeout_s)
    try:
        # Without client_encoding and application_name nothing is sent that an older console does not know.
        with psycopg.connect(where, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
            return _read(connection, database, user)
    except psycopg.Error as error:
        return _refusal(str(error))


def _read(connection: psycopg.Connection[Any], database: str, user: str) -> Console:
    config = {row["key"]: row["value"] for row in _show(connection, "show config")}
    pools = [row for row in _show(connection, "show pools") if (row["database"], row["user"]) == (database, user)]
    databases = [row for row in _show(connection, "show databases") if row["name"] == database]
    pool = pools[0] if pools else {}
    entry = databases[0] if databases else {}
    mode = pool.get("pool_mode") or entry.get("pool_mode") or config.get("pool_mode")
    size = entry.get("pool_size") or config.get("default_pool_size")
    prepared = config.get("max_prepared_statements")
    return Console(
        version=_version(connection),
        pool_mode=None if mode is None else str(mode),
        pool_size=None if size is None else int(size),
        max_prepared_statements=None if prepared is None else int(prepared),
    )


def _version(connection: psycopg.Connection[Any]) -> str:
    """SHOW VERSION is a row since 1.12 or so and was a notice before."""
    rows = _show(connection, "show version")
    text = str(next(iter(rows[0].values()))) if rows else ""
    found = re.search(r"PgBouncer \d+(?:\.\d+)+", text)
    return found[0] if found else "PgBouncer of unknown version"


def _show(connection: psycopg.Connection[Any], command: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(cast("LiteralString", command))
        if cursor.description is None:
            return []
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _refusal(text: str) -> str:
    """In our words: the driver's may quote the connection string."""
    # PgBouncer's own answers to a login that exists but is no stats_user; PostgreSQL says neither.
    if "not allowed" in text or "no such database: pgbouncer" in text or "admin" in text:
        return "PgBouncer refuses this login its console"
    if "does not exist" in text:
        return "there is no console: the database pgbouncer does not exist"
    return "there is no console that this login may ask"


def pair(dsn: str) -> tuple[str, str]:
    """Database and user of a connection string, for the pool's name; empty where libpq would fill them in."""
    target = conninfo_to_dict(dsn)
    user = str(target.get("user") or "")
    return str(target.get("dbname") or user), user
