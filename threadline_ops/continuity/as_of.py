"""What a row was at a time, from captured changes and the baseline, without ever guessing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg import sql

from threadline_ops.continuity import manifest
from threadline_ops.continuity.comparing import covering_chunk
from threadline_ops.continuity.keys import Key, captured_key, joined, joined_keys, recorded_as
from threadline_ops.continuity.manifest import Chunk, Version
from threadline_ops.continuity.relation import Relation, relation
from threadline_ops.continuity.store import Store
from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError
from threadline_ops.sql import template

State = Literal["captured", "deleted", "baseline", "absent from baseline", "unknown"]


@dataclass(frozen=True)
class AsOf:
    """What is known of a row at a time.

    Attributes:
        state: where the knowledge comes from; "unknown" when there is none.
        row: the row; None when it was not there or is not known.
        known_at: when it was captured or read.
        statement: the same for people.
    """

    state: State
    row: dict[str, Any] | None
    known_at: datetime | None
    statement: str


@dataclass(frozen=True)
class _Change:
    op: str
    row: dict[str, Any] | None
    at: datetime
    txid: int


def as_of(database: Database, store: Store, name: str, key: Key, at: datetime) -> AsOf:
    """The newest of captured change and baseline at or before a time.

    Args:
        database: the audited database.
        store: where baselines are.
        name: the table, as in settings.
        key: the text of each column of its primary key.
        at: the time asked about.

    Raises:
        ContinuityError: no such table, or the key does not fit it.
    """
    identity = database.identity()
    with database.transaction(read_only=True, snapshot=True):
        found = relation(database, name)
        found.require_key()
        if len(key) != len(found.key):
            raise ContinuityError(
                "the primary key has another number of columns",
                got=len(key),
                fix=f"give {', '.join(column.name for column in found.key)}",
            )
        change = _change(database, found, key, at)
        base = manifest.directory(identity, found)
        known = [
            (version, version.chunks[covering_chunk(database.connection, found, version, key)])
            for version in manifest.versions(store, base)
            if version.chunks[0].header.timeline == identity.timeline
        ]
    before = next(((version, chunk) for version, chunk in known if chunk.moment.at <= at), None)
    if before and (change is None or before[1].moment.snapshot.sees(change.txid)):
        return _from_baseline(store, base, found, *before, key)
    if change:
        return _from_change(change)
    first = min((chunk.moment.at for _, chunk in known), default=None)
    if first is None:
        return AsOf("unknown", None, None, "before the audit horizon: no change and no baseline reaches back so far")
    return AsOf("unknown", None, first, f"known as of baseline at {_shown(first)}, history before is unknown")


def _from_change(change: _Change) -> AsOf:
    if change.op == "delete":
        return AsOf("deleted", None, change.at, f"deleted at {_shown(change.at)}")
    return AsOf("captured", change.row, change.at, f"captured at {_shown(change.at)}")


def _from_baseline(store: Store, base: str, found: Relation, version: Version, chunk: Chunk, key: Key) -> AsOf:
    place = f"{manifest.version_directory(base, version.number)}/{chunk.file}"
    rows: Any = pq.read_table(io.BytesIO(store.read(place)))
    wanted = joined([pa.array([part], pa.string()) for part in key])
    where = pc.index_in(wanted, value_set=joined_keys(rows, found.key).combine_chunks())[0].as_py()
    words = f"known as of baseline at {_shown(chunk.moment.at)}, history before is unknown"
    if where is None:
        return AsOf("absent from baseline", None, chunk.moment.at, f"no such row; {words}")
    row = {name: rows.column(name)[where].as_py() for name, _ in chunk.header.columns}
    row |= {name: rows.column(name)[where].as_py() for name in chunk.header.masked if name in rows.column_names}
    return AsOf("baseline", row, chunk.moment.at, words)


def _change(database: Database, found: Relation, key: Key, at: datetime) -> _Change | None:
    same = [
        sql.SQL("{} = {}").format(text, sql.Literal(part))
        for text, part in zip(captured_key(found, "c"), key, strict=True)
    ]
    statement = template("continuity/rows/last_change").format(
        audit=sql.Identifier(database.settings.audit_schema),
        named=recorded_as(found, "c"),
        same_key=sql.SQL(" and ").join(same),
        at=sql.Literal(at),
    )
    row = database.connection.execute(statement).fetchone()
    return None if row is None else _Change(*row)


def _shown(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
