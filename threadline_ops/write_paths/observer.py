"""A witness at commit: a deferred trigger that notes whether an actor is set when the transaction ends.

Capture reads the actor at the first write, so it cannot tell an actor that came later from one that never came.
The witness only exists where `observe_writes` allows it, only while a probe runs, and does nothing after its deadline
if a killed probe leaves it behind; the next probe removes it.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from threadline_ops.capture.names import Table
from threadline_ops.database import Database

PREFIX = "threadline_ops_watch_"
#: How long a forgotten witness goes on noting.
_DEADLINE = "10 minutes"


@dataclass(frozen=True)
class Witness:
    """What was noted, or nobody to ask."""

    database: Database | None
    schema: str = ""

    def saw(self, txids: list[int]) -> dict[int, tuple[bool, int]]:
        """For each transaction: whether an actor was set at its end, and which backend ran it."""
        if self.database is None:
            return {}
        query = sql.SQL("select txid, bool_or(actor), min(backend) from {}.seen where txid = any(%(txids)s) group by 1")
        with self.database.transaction(read_only=True) as connection:
            rows = connection.execute(query.format(sql.Identifier(self.schema)), {"txids": txids}).fetchall()
        return {int(txid): (bool(actor), int(backend)) for txid, actor, backend in rows}


@contextmanager
def witness(database: Database, tables: list[Table], *, allowed: bool) -> Generator[Witness]:
    """Put the witness on tables for the length of a `with`, if it is allowed and these are ours.

    Raises:
        DatabaseError: a table stays locked for longer than the lock timeout.
    """
    if not allowed or not _possible(database, tables):
        yield Witness(None)
        return
    _sweep(database)
    name = f"{PREFIX}{secrets.token_hex(6)}"
    _create(database, name, tables)
    try:
        yield Witness(database, name)
    finally:
        _drop(database, name)


def _possible(database: Database, tables: list[Table]) -> bool:
    with database.transaction(read_only=True):
        return bool(
            database.one("write_paths/may_observe", {"tables": [f"{table.schema}.{table.name}" for table in tables]})[0]
        )


def _create(database: Database, name: str, tables: list[Table]) -> None:
    schema = sql.Identifier(name)
    with database.transaction() as connection:
        connection.execute(sql.SQL("create schema {}").format(schema))
        connection.execute(
            sql.SQL(
                "create table {}.seen (txid bigint not null, actor boolean not null, backend integer not null)"
            ).format(schema)
        )
        # With its owner's rights, so that the application's role needs none on our schema.
        connection.execute(
            sql.SQL(
                "create function {schema}.note() returns trigger language plpgsql security definer "
                "set search_path = pg_catalog, pg_temp as $$begin "
                "if clock_timestamp() < (select now_is + interval {deadline} from {schema}.began) then "
                "insert into {schema}.seen values (txid_current(), "
                "nullif(current_setting('threadline.actor_ref', true), '') is not null, pg_backend_pid()); "
                "end if; return null; end$$"
            ).format(schema=schema, deadline=sql.Literal(_DEADLINE))
        )
        connection.execute(sql.SQL("create table {}.began as select clock_timestamp() as now_is").format(schema))
        for table in tables:
            connection.execute(
                sql.SQL(
                    "create constraint trigger {trigger} after insert or update or delete on {table} "
                    "deferrable initially deferred for each row execute function {schema}.note()"
                ).format(trigger=schema, table=sql.Identifier(table.schema, table.name), schema=schema)
            )


def _sweep(database: Database) -> None:
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement("topology/leftovers"), {"prefix": PREFIX}).fetchall()
    for (name,) in rows:
        _drop(database, str(name))


def _drop(database: Database, name: str) -> None:
    schema = sql.Identifier(name)
    with database.transaction() as connection:
        # The triggers go with the function, and first: a writer holds its table and then wants ours, so a drop that
        # held ours and wanted the writer's table would be a deadlock.
        connection.execute(sql.SQL("drop function if exists {}.note() cascade").format(schema))
    with database.transaction() as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(schema))
