"""A schema of our own with audit tables and one captured table, so that probes write without touching the host's."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import Database, connect, opened
from threadline_ops.lock import single_flight
from threadline_ops.settings import Settings

OPERATION = "topology_check"
PREFIX = "threadline_ops_probe_"


@dataclass(frozen=True)
class Scratch:
    """The schema while it exists.

    Attributes:
        settings: with the schema as the audited one.
        schema: its name.
    """

    settings: Settings
    schema: str


@contextmanager
def scratch(settings: Settings) -> Generator[Scratch]:
    """Make the schema over the direct path, let the pooled role write there, and drop it at exit.

    What a killed run left is dropped first; the operation's lock keeps two runs from each other.

    Raises:
        LockHeld: another probe is at work.
        DatabaseError: the role may not create a schema.
    """
    name = f"{PREFIX}{secrets.token_hex(6)}"
    database_settings = settings.database.model_copy(update={"audit_schema": name})
    inner = settings.model_copy(update={"database": database_settings})
    with (
        single_flight(settings, OPERATION, run_id=name),
        opened(inner, OPERATION, direct=True) as database,
    ):
        for leftover in _leftovers(database):
            _drop(database, leftover)
        try:
            _create(database, name, role=_role(settings))
            yield Scratch(inner, name)
        finally:
            _drop(database, name)


def insertion(schema: str) -> sql.Composed:
    """The statement that writes one captured row, with `%(client)s` as who did it."""
    return sql.SQL("insert into {}.probe (client) values (%(client)s)").format(sql.Identifier(schema))


def _role(settings: Settings) -> str:
    """Who writes over the ordinary path."""
    with connect(settings) as connection:
        return connection.info.user


def _create(database: Database, name: str, *, role: str) -> None:
    parts = {"schema": sql.Identifier(name), "role": sql.Identifier(role)}
    with database.transaction() as connection:
        connection.execute(sql.SQL("create schema {schema}").format(**parts))
    install(database)
    with database.transaction() as connection:
        connection.execute(
            sql.SQL(
                "create table {schema}.probe (id bigint generated always as identity primary key, "
                "client text not null, backend integer not null default pg_backend_pid())"
            ).format(**parts)
        )
        connection.execute(sql.SQL("grant usage on schema {schema} to {role}").format(**parts))
        connection.execute(sql.SQL("grant select, insert on all tables in schema {schema} to {role}").format(**parts))
    for _ in apply(database, [Table(name, "probe")]):
        pass


def _leftovers(database: Database) -> list[str]:
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement("topology/leftovers"), {"prefix": PREFIX}).fetchall()
    return [str(row[0]) for row in rows]


def _drop(database: Database, name: str) -> None:
    with database.transaction() as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(name)))
