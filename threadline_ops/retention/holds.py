"""Legal holds: changes that no purge deletes, whatever their age.

Holds live in the operations schema. Every deleting statement checks them itself, and placing one waits for the batches
that began before it: once `add` returns, nothing that it names is deleted any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError, PolicyError
from threadline_ops.retention.steps import holds_key


@dataclass(frozen=True)
class Hold:
    """What is held; everything that is given must match.

    Attributes:
        reason: why.
        table: (schema, table).
        pk: key columns and their values; a number matches its text, which is what capture writes.
        actor: an ActorRef, or a part of one, that the transaction's actor must contain.
        correlation_id: of the action that the transaction belongs to.
        since: captured at or after it.
        to: captured at or before it.
        until: when the hold ends by itself; None: when it is released.
    """

    reason: str
    table: tuple[str, str] | None = None
    pk: dict[str, Any] | None = None
    actor: dict[str, Any] | None = None
    correlation_id: str | None = None
    since: datetime | None = None
    to: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise PolicyError("a hold needs a reason", fix="say why, for whoever reads it in five years")
        if not (self.table or self.actor or self.correlation_id or self.since or self.to):
            raise PolicyError("a hold must name what it holds", fix="give a table, actor, correlation id or times")
        if self.pk is not None and not (self.table and self.pk):
            raise PolicyError("a key needs its table, and at least one column", fix="give --table and --pk together")
        for moment in (self.since, self.to, self.until):
            if moment is not None and moment.tzinfo is None:
                raise PolicyError(
                    "a time of the hold has no time zone", got=moment.isoformat(), fix="append Z or an offset"
                )


def install(database: Database) -> None:
    """Create the operations schema and its table of holds; nothing happens where they exist."""
    with database.transaction() as connection:
        database.one("holds/exclusive", {"holds_key": holds_key(database)})
        make_schema(database)
        connection.execute(database.statement("holds/create_table"))


def make_schema(database: Database) -> None:
    """Create the operations schema within the transaction at hand, unless it is there."""
    if not database.one("holds/schema_exists", {"operations": database.settings.operations_schema})[0]:
        database.connection.execute(database.statement("holds/create_schema"))


def add(database: Database, hold: Hold, *, by: str | None = None) -> int:
    """Place a hold, creating the operations schema if there is none; its number.

    Args:
        database: the audited one.
        hold: what is held, and why.
        by: who asks for it; the database's role is recorded in any case.

    Raises:
        DatabaseError: the role may not, or a batch did not end within the lock timeout.
    """
    if not _exists(database):
        install(database)
    schema, table = hold.table or (None, None)
    parameters = {
        "table_schema": schema,
        "table_name": table,
        "table_pk": None if hold.pk is None else Jsonb(hold.pk),
        "actor_ref": None if hold.actor is None else Jsonb(hold.actor),
        "correlation_id": hold.correlation_id,
        "from_time": hold.since,
        "to_time": hold.to,
        "reason": hold.reason.strip(),
        "until": hold.until,
        "by": by,
    }
    with database.transaction():
        database.one("holds/exclusive", {"holds_key": holds_key(database)})
        return database.one("holds/add", parameters)[0]


def release(database: Database, number: int, *, reason: str, by: str | None = None) -> None:
    """End a hold; who and why stay on record.

    Raises:
        PolicyError: there is no reason, or no such hold in force.
    """
    if not reason.strip():
        raise PolicyError("a release needs a reason", fix="say why")
    done = 0
    if _exists(database):
        with database.transaction() as connection:
            done = connection.execute(
                database.statement("holds/release"),
                {"id": number, "reason": reason.strip(), "by": by},
            ).rowcount
    if not done:
        raise PolicyError("no such hold is in force", got=number, fix="look it up with threadline-ops hold list")


def holds(database: Database, *, released: bool = False) -> list[dict[str, Any]]:
    """Holds as plain rows, in the order they were placed.

    Args:
        database: the audited one.
        released: those that were released, too.
    """
    if not _exists(database):
        return []
    with database.transaction(read_only=True) as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(database.statement("holds/list"), {"all": released})
        return cursor.fetchall()


def active_holds(database: Database) -> list[dict[str, Any]] | None:
    """Number, reason and end of the holds in force, for the certificate; None when the server does not answer."""
    try:
        rows = holds(database)
    except DatabaseError:
        return None
    return [{name: row[name] for name in ("id", "reason", "until")} for row in rows if row["in_force"]]


def _exists(database: Database) -> bool:
    with database.transaction(read_only=True):
        return database.one("holds/exists", {"ops": database.settings.operations_schema})[0]
