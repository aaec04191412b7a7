"""Keys and rows of a table as SQL and as text: the same text wherever a key comes from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from threadline_ops.continuity.relation import Column, Relation

#: Text of a key as PostgreSQL writes it, one value a key column.
Key = tuple[str, ...]

#: Under this name and its place the text of a key column is read that is not the column's own text.
KEY_TEXT = "threadline:key:"

#: The row at hand in every statement; a plain alias could be a column's name too.
ROW = sql.Identifier("threadline row")


@dataclass(frozen=True)
class Bounds:
    """A stretch of keys: after `after`, up to and including `upto`; None is open.

    Of a table without a key: from the first block named to before the second one, each with the relation it lies in.
    """

    after: Key | None = None
    upto: Key | None = None


def named(column: Column) -> sql.Composed:
    """A column of the table at hand."""
    return sql.SQL("{}.{}").format(ROW, sql.Identifier(column.name))


def key_text(column: Column) -> sql.Composed:
    """The text that a captured key has for this column."""
    if column.same_text:
        return sql.SQL("{}::text").format(named(column))
    return sql.SQL("to_jsonb({}) #>> '{{}}'").format(named(column))


def key_hash(texts: list[sql.Composed]) -> sql.Composed:
    """64 bits of a key; the same wherever the same server computes it within one verification."""
    if len(texts) == 1:
        return sql.SQL('hashtextextended(({}) collate "C", 0)').format(texts[0])
    return sql.SQL('hashtextextended(jsonb_build_array({})::text collate "C", 0)').format(sql.SQL(", ").join(texts))


def digest(row: sql.Composable, left_out: tuple[str, ...]) -> sql.Composed:
    """64 bits of a row as JSON text; not jsonb's own hash, to which two swapped values can look the same."""
    if left_out:
        row = sql.SQL("{} - {}::text[]").format(row, sql.Literal(list(left_out)))
    return sql.SQL('hashtextextended(({})::text collate "C", 1)').format(row)


def within(key: tuple[Column, ...], bounds: Bounds) -> sql.Composed:
    """The condition that a row lies between two keys."""
    parts: list[sql.Composable] = [sql.SQL("true")]
    columns = sql.SQL(", ").join(named(column) for column in key)
    for operator, bound in ((sql.SQL(">"), bounds.after), (sql.SQL("<="), bounds.upto)):
        if bound is not None:
            values = sql.SQL(", ").join(
                column.cast(sql.Literal(value)) for column, value in zip(key, bound, strict=True)
            )
            parts.append(sql.SQL("({}) {} ({})").format(columns, operator, values))
    return sql.SQL(" and ").join(parts)


def blocks(first: int, beyond: int | None) -> sql.Composed:
    """The condition that a row lies in a range of blocks; open at the end, where the table may have grown."""
    place = sql.SQL("{}.ctid").format(ROW)
    condition = sql.SQL("{} >= {}::tid").format(place, sql.Literal(f"({first},0)"))
    if beyond is not None:
        condition += sql.SQL(" and {} < {}::tid").format(place, sql.Literal(f"({beyond},0)"))
    return condition


def key_texts(rows: pa.Table, key: tuple[Column, ...]) -> list[Any]:
    """The text that captured keys have, one array of strings a key column."""
    return [
        pc.cast(rows.column(column.name), pa.string()) if column.same_text else rows.column(f"{KEY_TEXT}{place}")
        for place, column in enumerate(key)
    ]


def joined_keys(rows: pa.Table, key: tuple[Column, ...]) -> Any:
    """The keys of rows as one text each."""
    return joined(key_texts(rows, key))


def joined(texts: list[Any]) -> Any:
    """Texts of several columns as one each, with the length of every part before it; one column as it is."""
    if len(texts) == 1:
        return texts[0]

    def framed(column: Any) -> Any:
        return pc.binary_join_element_wise(pc.cast(pc.binary_length(column), pa.string()), column, ":")

    return reduce(lambda left, right: pc.binary_join_element_wise(left, right, ":"), map(framed, texts))


def recorded_as(relation: Relation, alias: str) -> sql.Composed:
    """The condition that a change belongs to the table, under any of its names."""
    pairs = [
        sql.SQL("{0}.table_schema = {1} and {0}.table_name = {2}").format(
            sql.Identifier(alias), sql.Literal(table.schema), sql.Literal(table.name)
        )
        for table in relation.names
    ]
    return sql.SQL("({})").format(sql.SQL(" or ").join(pairs))


def captured_key(relation: Relation, alias: str, *, former: bool = False) -> list[sql.Composed]:
    """The text of each key column that a change names: in table_pk, or else in the row that it recorded.

    Args:
        relation: the table.
        alias: of audit_changes in the statement.
        former: the key before an update of the key, as far as changed_from knows it.
    """
    texts: list[sql.Composed] = []
    for column in relation.key:
        fields = ("changed_from", "table_pk", "data_after") if former else ("table_pk", "data_after")
        parts = [
            sql.SQL("{}.{} ->> {}").format(sql.Identifier(alias), sql.Identifier(field), sql.Literal(column.name))
            for field in fields
        ]
        text = sql.SQL("coalesce({})").format(sql.SQL(", ").join(parts))
        if column.session_text:
            text = sql.SQL("(to_jsonb({}) #>> '{{}}')").format(column.cast(text))
        texts.append(text)
    return texts
