"""Readiness: whether a table's history is being captured, since when, and what of it lies before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from psycopg import sql

from threadline_ops.capture.names import Table, parse
from threadline_ops.continuity import manifest
from threadline_ops.continuity.keys import captured_key, key_hash, key_text, recorded_as
from threadline_ops.continuity.relation import Relation, relation
from threadline_ops.continuity.store import Store
from threadline_ops.database import Database, Identity
from threadline_ops.errors import ContinuityError
from threadline_ops.settings import ContinuitySettings
from threadline_ops.sql import template

#: How T0 is known: from the trigger's catalog row, or only that it is not later than the oldest change kept.
Source = Literal["trigger creation", "first change", "not known"]


@dataclass(frozen=True)
class Readiness:
    """What is known of a table's cutover to captured history.

    Attributes:
        table: its name.
        exists: whether there is such a table.
        captured: whether its capture trigger is live for every kind of write.
        problems: why it is not ready; empty when it is.
        t0: when capture went live; nothing before it is known, and nothing is made up.
        t0_source: how that is known. The first change only bounds it: T0 is not later.
        rows: live rows.
        rows_never_seen: those that no captured change speaks of; their history begins at the baseline.
        baseline: the newest complete version, or None.
        baseline_at: when its first chunk was read.
        uncaptured_children: inheritance children whose rows show up in the table but have no live trigger.
    """

    table: str
    exists: bool
    captured: bool
    problems: tuple[str, ...]
    t0: datetime | None = None
    t0_source: Source = "not known"
    rows: int | None = None
    rows_never_seen: int | None = None
    baseline: int | None = None
    baseline_at: datetime | None = None
    uncaptured_children: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether the table exists and its capture trigger is live."""
        return self.exists and self.captured


def tables(database: Database, settings: ContinuitySettings) -> list[str]:
    """The tables to look after: those of the settings, or every one with a capture trigger."""
    if settings.tables:
        return [str(parse(name, database.settings.audit_schema)) for name in settings.tables]
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement("continuity/captured_tables"))
        return [str(Table(schema, name)) for schema, name in rows]


def readiness(database: Database, name: str, *, store: Store | None = None) -> Readiness:
    """Explain a table's cutover; reads only, and never writes to the audit tables.

    Args:
        database: the audited database.
        name: the table, as in settings.
        store: where baselines are; None leaves them out.
    """
    table = parse(name, database.settings.audit_schema)
    identity = database.identity()
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
        try:
            found = relation(database, name)
        except ContinuityError as error:
            return Readiness(str(table), False, False, (error.what,))
        problems = _problems(database, found.oid)
        t0, source = _t0(database, found)
        rows, unseen = _counts(database, found) if found.key else (None, None)
        version, at = _baseline(store, identity, found)
        children = _children(database, found)
    return Readiness(str(found.table), True, not problems, problems, t0, source, rows, unseen, version, at, children)


def _problems(database: Database, oid: int) -> tuple[str, ...]:
    """Why not every write that row triggers can see is captured; empty when every one is."""
    rows = database.connection.execute(database.statement("continuity/triggers"), {"oid": oid}).fetchall()
    if any(all(flags) for flags in rows):
        return ()
    if rows:
        return ("its capture trigger is disabled, conditional, or not for every kind of write",)
    return ("it has no capture trigger",)


def _t0(database: Database, found: Relation) -> tuple[datetime | None, Source]:
    created = database.one("continuity/trigger_created", {"oid": found.oid})[0]
    if created is not None:
        return created, "trigger creation"
    names = {"schema": found.table.schema, "table": found.table.name}
    first = database.one("continuity/first_change", names)[0]
    return (first, "first change") if first is not None else (None, "not known")


def _counts(database: Database, found: Relation) -> tuple[int, int]:
    statement = template("continuity/rows/count_rows").format(
        live_hash=key_hash([key_text(column) for column in found.key]),
        source=found.source,
        hash=key_hash(captured_key(found, "c")),
        audit=sql.Identifier(database.settings.audit_schema),
        named=recorded_as(found, "c"),
    )
    row = database.connection.execute(statement).fetchone()
    assert row is not None
    return row[0], row[1]


def _baseline(store: Store | None, identity: Identity, found: Relation) -> tuple[int | None, datetime | None]:
    version = store and manifest.latest(store, manifest.directory(identity, found), complete=True)
    return (version.number, version.chunks[0].moment.at) if version else (None, None)


def _children(database: Database, found: Relation) -> tuple[str, ...]:
    rows = database.connection.execute(database.statement("continuity/children"), {"oid": found.oid}).fetchall()
    return tuple(str(Table(schema, name)) for schema, name, oid in rows if _problems(database, oid))
