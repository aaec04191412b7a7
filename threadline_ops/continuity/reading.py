"""Reading a stretch of a table in key order into Arrow, in PostgreSQL's own rendering."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from pyarrow import csv

from threadline_ops.capture.names import Table
from threadline_ops.continuity.copying import Block, copied
from threadline_ops.continuity.keys import (
    KEY_TEXT,
    ROW,
    Bounds,
    Key,
    blocks,
    digest,
    key_hash,
    key_text,
    named,
    within,
)
from threadline_ops.continuity.redaction import Redaction
from threadline_ops.continuity.relation import Column, Relation
from threadline_ops.database import Connection
from threadline_ops.sql import template

#: Names of the extra outputs; a colon keeps them apart from any sensible column.
HASH, RELATION, PLACE = "threadline:hash", "threadline:relation", "threadline:place"
DIGEST = "threadline:digest"

_TYPES: dict[str, pa.DataType] = {
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
}
#: Values that Arrow's types of these cannot hold (infinity, years BC) keep the column as text in their chunk.
_MAY_STAY_TEXT = frozenset({"date", "timestamp", "timestamptz"})


@dataclass(frozen=True)
class Stretch:
    """Rows as the server rendered them.

    Attributes:
        text: CSV.
        rows: how many.
        last: the key of the last one; None when there is none.
    """

    text: bytearray
    rows: int
    last: Key | None


class TooBig(Exception):
    """The stretch exceeds what memory was planned for; ask for fewer rows."""


@dataclass(frozen=True)
class Reader:
    """How to read a table.

    Args:
        relation: the table.
        redaction: whose columns are never asked of the server.
        located: also read where each row lies and its key's hash, for comparing.
        digested: columns to leave out of a hash of the whole row, which is read too; None reads no hash.
        bare: read no column but the key's.
    """

    relation: Relation
    redaction: Redaction
    located: bool = False
    digested: tuple[str, ...] | None = None
    bare: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that are read, in order."""
        if self.bare:
            return self.relation.key
        hidden = set(self.redaction.left_out)
        return tuple(column for column in self.relation.columns if column.name not in hidden)

    def read(self, connection: Connection, bounds: Bounds, rows: int, max_bytes: int) -> Stretch:
        """Up to `rows` rows of the stretch, within the transaction at hand.

        Raises:
            TooBig: they are more than `max_bytes` of text.
        """
        read = _collected(connection, self._statement(bounds, rows), max_bytes)
        if not read.rows:
            return Stretch(read.content, 0, None)
        last = self._parsed(read.last)
        key = tuple(cast("str", last.column(column.name)[0].as_py()) for column in self.relation.key)
        return Stretch(read.content, read.rows, key)

    def read_blocks(
        self, connection: Connection, leaf: Table, first: int, beyond: int | None, max_bytes: int
    ) -> Stretch:
        """The rows in a range of a leaf's blocks, within the transaction at hand.

        Raises:
            TooBig: they are more than `max_bytes` of text.
        """
        statement = template("continuity/rows/read_blocks").format(
            outputs=sql.SQL(", ").join(self._outputs()),
            leaf=sql.Identifier(leaf.schema, leaf.name),
            range=blocks(first, beyond),
        )
        read = _collected(connection, statement, max_bytes)
        return Stretch(read.content, read.rows, None)

    def table(self, stretch: Stretch) -> pa.Table:
        """The rows in Arrow's types: columns, key texts that differ from their columns, and the located outputs."""
        table = self._parsed(stretch.text)
        for column in self.relation.key:
            if column.base in _TYPES:
                table = _typed(table, column, _TYPES[column.base])
        return table

    def _statement(self, bounds: Bounds, rows: int) -> sql.Composed:
        return template("continuity/rows/read").format(
            outputs=sql.SQL(", ").join(self._outputs()),
            source=self.relation.source,
            range=within(self.relation.key, bounds),
            order=sql.SQL(", ").join(named(column) for column in self.relation.key),
            rows=sql.Literal(rows),
        )

    def _outputs(self) -> list[sql.Composable]:
        outputs: list[sql.Composable] = [named(column) for column in self.columns]
        outputs += [key_text(column) for column in self.relation.key if not column.same_text]
        if self.located:
            outputs += [
                key_hash([key_text(column) for column in self.relation.key]),
                sql.SQL("{}.tableoid::bigint").format(ROW),
                sql.SQL("{}.ctid::text").format(ROW),
            ]
        if self.digested is not None:
            outputs.append(digest(sql.SQL("to_jsonb({})").format(ROW), self.digested))
        return outputs

    def _names(self) -> list[str]:
        names = [column.name for column in self.columns]
        names += [f"{KEY_TEXT}{place}" for place, column in enumerate(self.relation.key) if not column.same_text]
        names += [HASH, RELATION, PLACE] if self.located else []
        return names + ([DIGEST] if self.digested is not None else [])

    def _parsed(self, text: bytes | bytearray) -> pa.Table:
        names = self._names()
        if not text:
            return pa.table({name: pa.array([], self._parsed_type(name, typed=True)) for name in names})
        try:
            return self._parse(text, names, typed=True)
        except pa.ArrowInvalid:
            return self._parse(text, names, typed=False)

    def _parse(self, text: bytes | bytearray, names: list[str], *, typed: bool) -> pa.Table:
        places = [str(place) for place in range(len(names))]  # a host may name two columns alike but for case
        types = {place: self._parsed_type(name, typed=typed) for place, name in zip(places, names, strict=True)}
        table = csv.read_csv(
            pa.BufferReader(text),
            read_options=csv.ReadOptions(column_names=places, use_threads=False, block_size=max(len(text), 1 << 16)),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                column_types=types,
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        return table.rename_columns(names)

    def _parsed_type(self, name: str, *, typed: bool) -> pa.DataType:
        if name in (HASH, RELATION, DIGEST):
            return pa.int64()
        if any(column.name == name for column in self.relation.key):
            return pa.string()  # as text first: the last key resumes the next stretch
        base = next((column.base for column in self.columns if column.name == name), "")
        if not typed and base in _MAY_STAY_TEXT:
            return pa.string()
        return _TYPES.get(base, pa.string())


def _collected(connection: Connection, statement: sql.Composed, max_bytes: int) -> Block:
    content, rows, last = bytearray(), 0, b""
    with closing(copied(connection, statement)) as copy:
        for block in copy:
            content += block.content
            rows, last = rows + block.rows, block.last
            if len(content) > max_bytes:
                raise TooBig
    return Block(content, rows, last)


def _typed(table: pa.Table, column: Column, wanted: pa.DataType) -> pa.Table:
    place = table.schema.get_field_index(column.name)
    text = table.column(place)
    if column.base == "bool":
        values = pc.equal(text, "t")
    else:
        try:
            values = pc.cast(text, wanted)
        except pa.ArrowInvalid:
            return table
    return table.set_column(place, column.name, values)
