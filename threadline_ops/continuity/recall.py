"""What baselines know of one row: the last of the sources that a question about the past is put to."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from psycopg import sql

from threadline_ops.capture.names import Table
from threadline_ops.continuity import manifest
from threadline_ops.continuity.comparing import covering_chunk
from threadline_ops.continuity.keys import ROW, Key, joined, joined_keys, key_text
from threadline_ops.continuity.manifest import Chunk, Version
from threadline_ops.continuity.relation import Relation, relation
from threadline_ops.continuity.store import Store
from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError, FilterError
from threadline_ops.investigate.asof import Kept
from threadline_ops.investigate.keys import Key as Asked
from threadline_ops.sql import template


@dataclass(frozen=True)
class Baselines:
    """The baselines of a database, as `investigate.as_of` asks them.

    Args:
        database: the audited database.
        store: where baselines are.
    """

    database: Database
    store: Store

    def kept(self, table: str, key: Asked, at: datetime, *, schema: str | None, after: int | None) -> Kept | None:
        """The row in the newest baseline by then, or the first one's time when all are later; see `Baseline`.

        Raises:
            FilterError: the key is not the table's primary key, and no change was found by it either.
            ContinuityError: a baseline is damaged.
        """
        identity = self.database.identity()
        with self.database.transaction(read_only=True, snapshot=True):
            found = self._relation(Table(schema or self.database.settings.audit_schema, table))
            if found is None:
                return None
            base = manifest.directory(identity, found)
            versions = [
                version
                for version in manifest.versions(self.store, base)
                if version.chunks[0].header.timeline == identity.timeline
            ]
            if not versions or (after is not None and not _fits(found, key)):
                return None
            if (texts := self._texts(found, key)) is None:
                return None
            covering = {
                version.number: version.chunks[covering_chunk(self.database.connection, found, version, texts)]
                for version in versions
            }
        before = next((version for version in versions if covering[version.number].moment.at <= at), None)
        if before is None:
            return Kept(min(chunk.moment.at for chunk in covering.values()), later=True)
        chunk = covering[before.number]
        if after is not None and not chunk.moment.snapshot.sees(after):
            return None
        return Kept(chunk.moment.at, self._row(base, found, before, chunk, texts))

    def _relation(self, table: Table) -> Relation | None:
        """The table, or None when it is gone or its rows have no names."""
        try:
            found = relation(self.database, str(table))
        except ContinuityError:
            return None
        return found if found.key else None

    def _texts(self, found: Relation, key: Asked) -> Key | None:
        """The key as baselines write it, or None when its values cannot be of the key's types."""
        names = [column.name for column in found.key]
        if not _fits(found, key):
            raise FilterError("the key is not the table's primary key", got=sorted(key), fix=f"give {', '.join(names)}")
        statement = template("continuity/rows/key_texts").format(
            texts=_listed(key_text(column) for column in found.key),
            values=_listed(column.cast(sql.Literal(_written(key[column.name]))) for column in found.key),
            row=ROW,
            names=_listed(sql.Identifier(name) for name in names),
        )
        try:
            with self.database.connection.transaction():
                row = self.database.connection.execute(statement).fetchone()
        except psycopg.DataError:
            return None
        return None if row is None or None in row else tuple(row)

    def _row(self, base: str, found: Relation, version: Version, chunk: Chunk, key: Key) -> dict[str, Any] | None:
        place = f"{manifest.version_directory(base, version.number)}/{chunk.file}"
        rows: Any = pq.read_table(io.BytesIO(self.store.read(place)))
        wanted = joined([pa.array([part], pa.string()) for part in key])
        where = pc.index_in(wanted, value_set=joined_keys(rows, found.key).combine_chunks())[0].as_py()
        if where is None:
            return None
        shown = [name for name, _ in chunk.header.columns]
        shown += [name for name in chunk.header.masked if name in rows.column_names]
        return {name: rows.column(name)[where].as_py() for name in shown}


def _fits(found: Relation, key: Asked) -> bool:
    return {column.name for column in found.key} == set(key)


def _listed(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


def _written(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
