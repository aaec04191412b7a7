"""Readiness: whether a table's history is being captured, since when, and what of it lies before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql

from threadline_ops.capture.names import Table, parse
from threadline_ops.continuity import manifest
from threadline_ops.continuity.keys import captured_key, key_hash, key_text, recorded_as
from threadline_ops.continuity.relation import Relation, relation
from threadline_ops.continuity.store import Store
from threadline_ops.continuity.t0 import Covered, Source, covered, t0
from threadline_ops.coverage import Status, TableCoverage, inventory
from threadline_ops.database import Database, Identity
from threadline_ops.errors import ContinuityError
from threadline_ops.sections import ContinuitySettings
from threadline_ops.settings import Settings
from threadline_ops.sql import template


@dataclass(frozen=True)
class Readiness:
    """What is known of a table's cutover to captured history.

    Attributes:
        table: its name.
        exists: whether there is such a table.
        captured: whether it is covered, as coverage defines that.
        problems: why it is not ready; empty when it is.
        t0: when capture went live; nothing before it is known, and nothing is made up.
        t0_source: how that is known. Evidence and the first change only bound it: T0 is not later.
        rows: live rows.
        rows_never_seen: those that no captured change speaks of; their history begins at the baseline. None without
            a primary key, because then nobody can tell.
        baseline: the newest complete version, or None.
        baseline_at: when its first chunk was read.
        uncaptured_children: inheritance children whose rows show up in the table but are not covered.
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
        """Whether the table exists and is covered."""
        return self.exists and self.captured


def tables(database: Database, settings: ContinuitySettings) -> list[str]:
    """The tables to look after: those of the settings, or every one with a capture trigger."""
    if settings.tables:
        return [str(parse(name, database.settings.audit_schema)) for name in settings.tables]
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement("continuity/captured_tables"))
        return [str(Table(schema, name)) for schema, name in rows]


def readiness(
    database: Database, names: Sequence[str], settings: Settings, *, store: Store | None = None
) -> list[Readiness]:
    """Explain tables' cutover; reads only, and never writes to the audit tables.

    Args:
        database: the audited database.
        names: the tables, as in settings.
        settings: what coverage compares the tables with, and where evidence is.
        store: where baselines are; None leaves them out.

    Raises:
        EvidenceError: a record of the evidence store cannot be read.
    """
    identity = database.identity()
    audit_schema = database.settings.audit_schema
    coverage = _coverage(database, settings, {parse(name, audit_schema).schema for name in names})
    about = _About(identity, coverage, covered(settings.evidence.directory, identity), store)
    return [_readiness(database, name, about) for name in names]


@dataclass(frozen=True)
class _About:
    """What all tables share."""

    identity: Identity
    coverage: Mapping[Table, TableCoverage]
    evidence: Mapping[str, Covered]
    store: Store | None


def _coverage(database: Database, settings: Settings, schemas: Iterable[str]) -> Mapping[Table, TableCoverage]:
    """The coverage of every table, those of these schemas included."""
    wider = settings.coverage.model_copy(
        update={"schemas": tuple(dict.fromkeys((*settings.coverage.schemas, *sorted(schemas))))}
    )
    seen = inventory(database, settings.model_copy(update={"coverage": wider}))
    return {one.table: one for one in seen.tables}


def _readiness(database: Database, name: str, about: _About) -> Readiness:
    table = parse(name, database.settings.audit_schema)
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
        try:
            found = relation(database, name)
        except ContinuityError as error:
            return Readiness(str(table), False, False, (error.what,))
        problems = _problems(about.coverage.get(found.table))
        moment, source = t0(database, found, about.evidence.get(str(found.table), Covered()))
        rows, unseen = _counts(database, found)
        version, at = _baseline(about.store, about.identity, found)
        children = _children(database, found, about.coverage)
    return Readiness(
        str(found.table), True, not problems, problems, moment, source, rows, unseen, version, at, children
    )


def _problems(one: TableCoverage | None) -> tuple[str, ...]:
    """Why not every write that row triggers can see is captured; empty when coverage says that every one is."""
    if one is None:
        return ("coverage does not know the table",)
    if one.status is Status.COVERED:
        return ()
    return tuple(finding.what for finding in one.findings if finding.breaks) or (one.reason,)


def _counts(database: Database, found: Relation) -> tuple[int, int | None]:
    if not found.key:
        statement = template("continuity/rows/count_live").format(source=found.source)
    else:
        statement = template("continuity/rows/count_rows").format(
            live_hash=key_hash([key_text(column) for column in found.key]),
            source=found.source,
            hash=key_hash(captured_key(found, "c")),
            audit=sql.Identifier(database.settings.audit_schema),
            named=recorded_as(found, "c"),
        )
    row = database.connection.execute(statement).fetchone()
    assert row is not None
    return row[0], row[1] if found.key else None


def _baseline(store: Store | None, identity: Identity, found: Relation) -> tuple[int | None, datetime | None]:
    version = store and manifest.latest(store, manifest.directory(identity, found), complete=True)
    return (version.number, version.chunks[0].moment.at) if version else (None, None)


def _children(database: Database, found: Relation, coverage: Mapping[Table, TableCoverage]) -> tuple[str, ...]:
    rows = database.connection.execute(database.statement("continuity/children"), {"oid": found.oid}).fetchall()
    children = [Table(schema, name) for schema, name, _ in rows]
    covered_ones = {table for table, one in coverage.items() if one.status is Status.COVERED}
    return tuple(str(child) for child in children if child not in covered_ones)
