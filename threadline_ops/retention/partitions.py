"""Whole partitions of audit_changes: which may be dropped, and the steps in which one is.

Where no default partition forbids it, a partition is detached concurrently, which makes no writer wait, and then
dropped. That takes several transactions, so what is begun is noted first, and a later run finishes it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from threadline_ops import sql as sql_files
from threadline_ops.database import Database, application_name
from threadline_ops.errors import Busy, UnsafeDatabase
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope
from threadline_ops.retention.steps import begin
from threadline_ops.server_errors import translated

#: Below PostgreSQL's deadlock_timeout, so that we give way before a writer is chosen to.
BRIEF_MS = 300
#: How often the drop itself is tried, within one transaction that has counted the rows already.
ATTEMPTS = 5
#: Between two tries, in seconds: whoever queued behind us gets through.
PAUSE = 0.2


@dataclass(frozen=True)
class Partition:
    """A partition of audit_changes, or what was one.

    Attributes:
        oid: its number; a name may be used again, a number and its name together are not.
        schema: where it is.
        name: without the schema.
        lower: its bound as text, included; None: from the beginning.
        upper: its bound as text, excluded.
        state: "attached", "pending" (a detach was cut off), "detached" or "gone".
    """

    oid: int
    schema: str
    name: str
    lower: str | None
    upper: str
    state: str = "attached"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.schema}.{self.name}"

    def statement(self, database: Database, name: str) -> sql.Composed:
        """A statement about this partition."""
        return database.statement(f"partitions/{name}", schema=self.schema, table=self.name)


@dataclass(frozen=True)
class Shape:
    """How audit_changes is partitioned."""

    partitioned: bool
    by_time: bool
    has_default: bool
    owned: bool


def shape(database: Database) -> Shape:
    """How audit_changes is partitioned, if it is."""
    with database.transaction(read_only=True):
        return Shape(*database.one("partitions/shape", {"audit": database.settings.audit_schema}))


def by_rows_because(database: Database, direct: Database | None, policy: Policy) -> str | None:
    """Why the partitions of a partitioned audit_changes cannot be dropped; None when they can, or there are none.

    Args:
        database: the connection that purges.
        direct: one for statements that no transaction may hold; None when there is none.
        policy: the rules.

    Raises:
        UnsafeDatabase: the direct connection leads to another database.
    """
    found = shape(database)
    if not found.partitioned or policy.partitions == "never":
        return None
    if not found.by_time:
        return "audit_changes is partitioned, but not by range of captured_at alone"
    if not found.owned:
        return "only the owner of audit_changes may detach a partition, and this role is not"
    if policy.sweep == "never" and policy.delete_empty_transactions:
        return "sweep = never deletes transactions in the batches of their changes"
    if direct is None:
        return "no direct connection was given"
    here, there = database.identity(), direct.identity()
    if (here.system_identifier, here.database) != (there.system_identifier, there.database):
        raise UnsafeDatabase(
            "the direct connection leads to another database than the one to purge",
            got={"dsn": here.database, "direct_dsn": there.database},
            fix="correct THREADLINE_OPS_DIRECT_DSN",
        )
    if there.pooled:
        return "a pooler stands before the database; set THREADLINE_OPS_DIRECT_DSN to a connection past it"
    return None


def ended(database: Database, scope: Scope, *, holds: bool) -> list[Partition]:
    """Partitions of which every row may go, oldest first; to be called within a transaction.

    Bounds alone tell that where nothing can stay; otherwise each is read through.
    """
    parameters = {"audit": database.settings.audit_schema, "until": scope.until}
    rows = database.connection.execute(database.statement("partitions/ended"), parameters).fetchall()
    return [each for each in (Partition(*row) for row in rows) if not _something_stays(database, scope, each, holds)]


def leaves(database: Database, partitions: list[Partition]) -> list[int]:
    """The tables that hold the rows of these partitions; to be called within a transaction."""
    return database.one("partitions/leaves", {"partitions": [each.oid for each in partitions]})[0]


def unfinished(database: Database) -> list[Partition]:
    """What earlier runs noted and did not finish."""
    with database.transaction(read_only=True) as connection:
        if not database.one("partitions/drops_exist", {"ops": database.settings.operations_schema})[0]:
            return []
        statement = database.statement("partitions/unfinished")
        rows = connection.execute(statement, {"audit": database.settings.audit_schema}).fetchall()
    return [Partition(*row) for row in rows]


def note(direct: Database, partition: Partition) -> None:
    """Write down that a partition is to be dropped, before anything is done to it."""
    with direct.transaction() as connection:
        if not direct.one("partitions/drops_exist", {"ops": direct.settings.operations_schema})[0]:
            if not direct.one("holds/schema_exists", {"operations": direct.settings.operations_schema})[0]:
                connection.execute(direct.statement("holds/create_schema"))
            connection.execute(direct.statement("partitions/create_drops"))
        names = ("oid", "schema", "name", "lower", "upper")
        parameters = {name: getattr(partition, name) for name in names}
        connection.execute(direct.statement("partitions/begin_drop"), parameters)


def forget(direct: Database, partition: Partition) -> None:
    """There is nothing to finish."""
    with direct.transaction() as connection:
        connection.execute(direct.statement("partitions/end_drop"), {"oid": partition.oid})


def detach(direct: Database, partition: Partition) -> None:
    """Detach concurrently, or finish a detach that was cut off.

    Raises:
        Busy: transactions that may use the partition did not end in time; the detach has begun and can be finished.
    """
    with translated():
        direct.one(
            "partitions/brief_session",
            {
                "milliseconds": f"{direct.settings.lock_timeout_ms}ms",
                "application_name": application_name(direct.operation),
            },
        )
        name = "finalize" if partition.state == "pending" else "detach"
        direct.connection.execute(partition.statement(direct, name))


def drop(direct: Database, scope: Scope, partition: Partition) -> list[dict[str, Any]] | None:
    """Drop a partition, attached or detached, and say what went; None when a row of it must stay.

    All in one transaction: whoever places a hold meanwhile waits for its end.

    Raises:
        Busy: the lock was not granted within a few tries; nothing happened.
    """
    with direct.transaction(statement_timeout_ms=0) as connection:
        _, holds = begin(direct)
        connection.execute(partition.statement(direct, "freeze"))
        if _something_stays(direct, scope, partition, holds):
            return None
        certified = direct.one("partitions/certify", schema=partition.schema, table=partition.name)
        _briefly(direct, partition.statement(direct, "drop_whole"))
        if partition.state == "detached":
            connection.execute(direct.statement("partitions/end_drop"), {"oid": partition.oid})
    return certified[0]


def attach(direct: Database, partition: Partition) -> None:
    """Undo a detach, because something in it must stay.

    Raises:
        Busy: the lock was not granted within a few tries.
    """
    statement = sql_files.template("partitions/attach").format(
        audit=sql.Identifier(direct.settings.audit_schema),
        schema=sql.Identifier(partition.schema),
        table=sql.Identifier(partition.name),
        lower=sql.SQL("minvalue") if partition.lower is None else sql.Literal(partition.lower),
        upper=sql.Literal(partition.upper),
    )
    with direct.transaction(statement_timeout_ms=0) as connection:
        _briefly(direct, statement)
        connection.execute(direct.statement("partitions/end_drop"), {"oid": partition.oid})


def _something_stays(database: Database, scope: Scope, partition: Partition, holds: bool) -> bool:
    if not scope.windows and not scope.keeps_some(holds=holds):
        return False
    schema, table = sql.Identifier(partition.schema), sql.Identifier(partition.name)
    statement = sql_files.template("partitions/something_stays").format(
        schema=schema, table=table, **scope.slots(database, holds=holds)
    )
    row = database.connection.execute(statement, scope.parameters).fetchone()
    return row is None or bool(row[0])


def _briefly(direct: Database, statement: sql.Composed) -> None:
    """Try for a strong lock a few times, each for a moment, within the transaction at hand."""
    direct.one("partitions/brief", {"milliseconds": f"{BRIEF_MS}ms"})
    for attempt in range(ATTEMPTS):
        try:
            with translated(), direct.connection.transaction():
                direct.connection.execute(statement)
        except Busy:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE)
        else:
            return
