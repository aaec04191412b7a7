"""Comparing rows as types, on the server, where the types are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from threadline_ops.continuity.keys import Key, captured_key, key_hash, recorded_as
from threadline_ops.continuity.manifest import Version
from threadline_ops.continuity.relation import Column, Relation
from threadline_ops.database import Connection
from threadline_ops.sql import template

#: Rows a statement; its arrays are written out in it.
BATCH = 2_000

#: What the server says when a value does not fit a type, a domain or a check any more.
_UNFIT = (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException)


@dataclass(frozen=True)
class Spot:
    """A live row: the relation it lies in and its ctid, valid within the transaction at hand."""

    relation: int
    place: str


@dataclass(frozen=True)
class Outcome:
    """What a comparison said of a pair.

    Attributes:
        columns: those that differ; empty when none does.
        unfit: a recorded value cannot be read as its column's type any more, so nothing can be said.
    """

    columns: tuple[str, ...] = ()
    unfit: bool = False

    @property
    def same(self) -> bool:
        """Whether the rows agree."""
        return not self.columns and not self.unfit


@dataclass(frozen=True)
class Comparison:
    """Typed comparisons of one table within one transaction.

    Args:
        connection: in a REPEATABLE READ transaction.
        audit_schema: where the audit tables are.
        relation: the table.
        columns: which take part.
        left_out: names of columns that must not.
    """

    connection: Connection
    audit_schema: str
    relation: Relation
    columns: tuple[Column, ...]
    left_out: tuple[str, ...]

    def with_changes(self, pairs: Sequence[tuple[Spot, str]]) -> list[Outcome]:
        """Live rows against what changes (by id) recorded."""
        return self._in_batches(pairs, self._changes_statement)

    def with_values(self, pairs: Sequence[tuple[Spot, Sequence[str | None]]]) -> list[Outcome]:
        """Live rows against values of `columns` as text, in that order."""
        return self._in_batches(pairs, self._values_statement)

    def siblings(self, changes: Sequence[str]) -> dict[int, list[tuple[str, str]]]:
        """Other changes (id, op) of the same row in the same transaction, by the place of the change given."""
        found: dict[int, list[tuple[str, str]]] = {}
        statement = template("continuity/rows/siblings").format(
            audit=sql.Identifier(self.audit_schema),
            numbers=_numbers(len(changes)),
            changes=sql.Literal(list(changes)),
            named=recorded_as(self.relation, "s"),
            hash=key_hash(captured_key(self.relation, "c")),
            other_hash=key_hash(captured_key(self.relation, "s")),
        )
        for number, change, operation in self.connection.execute(statement):
            found.setdefault(number, []).append((str(change), operation))
        return found

    def changed_keys(self, changes: Sequence[str], version: Version | None) -> list[tuple[Key, int]]:
        """The key that each change names, and the chunk that covers it, counted from 0."""
        key = self.relation.key
        texts = captured_key(self.relation, "c")
        bounds = [chunk.bounds.upto for chunk in version.chunks if chunk.bounds.upto] if version else []
        names = [sql.Identifier(f"k{place}") for place in range(len(key))]
        statement = template("continuity/rows/changed_keys").format(
            audit=sql.Identifier(self.audit_schema),
            numbers=_numbers(len(changes)),
            changes=sql.Literal(list(changes)),
            keys=sql.SQL(", ").join(texts),
            bounds=_text_arrays([[bound[place] for bound in bounds] for place in range(len(key))]),
            names=sql.SQL(", ").join(names),
            bound=sql.SQL(", ").join(c.cast(sql.SQL("b.{}").format(n)) for c, n in zip(key, names, strict=True)),
            key=sql.SQL(", ").join(c.cast(text) for c, text in zip(key, texts, strict=True)),
        )
        rows = self.connection.execute(statement).fetchall()
        return [(tuple(texts), chunk) for _, texts, chunk in sorted(rows, key=lambda row: row[0])]

    def hashes(self, keys: Sequence[Sequence[str]]) -> list[int]:
        """Hashes of keys given as one list of texts a key column."""
        names = [sql.Identifier(f"k{place}") for place in range(len(keys))]
        statement = template("continuity/rows/hash_keys").format(
            hash=key_hash([sql.SQL("u.{}").format(name) for name in names]),
            arrays=_text_arrays(keys),
            names=sql.SQL(", ").join(names),
        )
        return [row[0] for row in self.connection.execute(statement)]

    def moved_keys(self) -> set[int]:
        """Hashes of old keys that captured updates of the key replaced."""
        statement = template("continuity/rows/moved_keys").format(
            audit=sql.Identifier(self.audit_schema),
            hash=key_hash(captured_key(self.relation, "c", former=True)),
            named=recorded_as(self.relation, "c"),
            columns=sql.Literal([column.name for column in self.relation.key]),
        )
        return {row[0] for row in self.connection.execute(statement)}

    def _in_batches(self, pairs: Sequence[Any], compose: Callable[[Sequence[Any]], sql.Composed]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for start in range(0, len(pairs), BATCH):
            outcomes += self._compared(pairs[start : start + BATCH], compose)
        return outcomes

    def _compared(self, pairs: Sequence[Any], compose: Callable[[Sequence[Any]], sql.Composed]) -> list[Outcome]:
        """One batch; one that holds an unfit value is halved until that value stands alone."""
        try:
            with self.connection.transaction():
                rows = self.connection.execute(compose(pairs)).fetchall()
        except _UNFIT:
            if len(pairs) == 1:
                return [Outcome(unfit=True)]
            half = len(pairs) // 2
            return self._compared(pairs[:half], compose) + self._compared(pairs[half:], compose)
        outcomes = [Outcome()] * len(pairs)
        for number, differs in rows:
            names = tuple(c.name for c, different in zip(self.columns, differs, strict=True) if different)
            outcomes[number] = Outcome(names)
        return outcomes

    def _changes_statement(self, pairs: Sequence[tuple[Spot, str]]) -> sql.Composed:
        return template("continuity/rows/compare_changes").format(
            audit=sql.Identifier(self.audit_schema),
            source=self.relation.source,
            differences=self._differences(),
            left_out=sql.Literal(list(self.left_out)),
            changes=sql.Literal([change for _, change in pairs]),
            **_spots([spot for spot, _ in pairs]),
        )

    def _values_statement(self, pairs: Sequence[tuple[Spot, Sequence[str | None]]]) -> sql.Composed:
        texts = [sql.Identifier(f"v{place}") for place in range(len(self.columns))]
        values = [[row[place] for _, row in pairs] for place in range(len(self.columns))]
        spots = _spots([spot for spot, _ in pairs])
        arrays = sql.SQL("{numbers}::int[], {relations}::oid[], {places}::tid[], ").format(**spots) + _text_arrays(
            values
        )
        return template("continuity/rows/compare_baseline").format(
            source=self.relation.source,
            differences=sql.SQL(", ").join(
                sql.SQL("to_jsonb(t.{}) is distinct from to_jsonb({})").format(
                    sql.Identifier(column.name), column.cast(sql.SQL("u.{}").format(text))
                )
                for column, text in zip(self.columns, texts, strict=True)
            ),
            arrays=arrays,
            names=sql.SQL(", ").join([sql.SQL("n, relation, place"), *texts]),
        )

    def _differences(self) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.SQL("to_jsonb((l.r).{}) is distinct from to_jsonb((p.r).{})").format(name, name)
            for name in (sql.Identifier(column.name) for column in self.columns)
        )


def covering_chunk(connection: Connection, relation: Relation, version: Version, key: Key) -> int:
    """The place of the chunk that covers a key, by the order of the key's types."""
    bounds = [chunk.bounds.upto for chunk in version.chunks if chunk.bounds.upto]
    names = [sql.Identifier(f"k{place}") for place in range(len(key))]
    statement = template("continuity/rows/covering_chunk").format(
        bounds=_text_arrays([[bound[place] for bound in bounds] for place in range(len(key))]),
        names=sql.SQL(", ").join(names),
        bound=sql.SQL(", ").join(
            column.cast(sql.SQL("b.{}").format(name)) for column, name in zip(relation.key, names, strict=True)
        ),
        key=sql.SQL(", ").join(column.cast(sql.Literal(part)) for column, part in zip(relation.key, key, strict=True)),
    )
    row = connection.execute(statement).fetchone()
    assert row is not None
    return row[0]


def _numbers(count: int) -> sql.Literal:
    return sql.Literal(list(range(count)))


def _spots(spots: Sequence[Spot]) -> dict[str, sql.Composable]:
    return {
        "numbers": _numbers(len(spots)),
        "relations": sql.Literal([spot.relation for spot in spots]),
        "places": sql.Literal([spot.place for spot in spots]),
    }


def _text_arrays(columns: Sequence[Sequence[str | None]]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}::text[]").format(sql.Literal(list(column))) for column in columns)
