"""A host table as the catalog describes it: key, columns, and the names that its changes go by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from psycopg import sql

from threadline_ops.capture.names import AUDIT_TABLES, Table, parse
from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError
from threadline_ops.sql import quoted_type

#: Types whose CSV text is also the text of their JSON form, so that keys of them need no second rendering.
_SAME_TEXT = frozenset({"int2", "int4", "int8", "uuid", "text", "varchar", "numeric"})
#: Types whose JSON text depends on the session that captured it; keys of them are parsed and rendered again.
_SESSION_TEXT = frozenset({"timestamptz", "timetz", "interval", "bytea", "float4", "float8", "money", "tstzrange"})


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: as the catalog spells it.
        type: full name of the type with its modifier, ready for a cast.
        schema: of the type.
        base: short name of a built-in type, "" for any other.
        kind: pg_type.typtype: "b" base, "d" domain, "e" enum, and so on.
        generated: pg_attribute.attgenerated: "" not, "s" stored, "v" virtual.
    """

    name: str
    type: str
    schema: str
    base: str
    kind: str
    generated: str

    @property
    def same_text(self) -> bool:
        """Whether PostgreSQL's text and the text of the JSON form are the same."""
        return self.base in _SAME_TEXT or self.kind == "e"

    @property
    def session_text(self) -> bool:
        """Whether the text of the JSON form depends on the session that wrote it."""
        return self.base in _SESSION_TEXT

    def cast(self, value: sql.Composable) -> sql.Composed:
        """The value, a text, as this column's type."""
        return sql.SQL("({})::{}").format(value, quoted_type(self.type))


@dataclass(frozen=True)
class Relation:
    """A table to baseline or verify.

    Attributes:
        table: its name.
        oid: which changes when a table of the same name takes its place.
        partitioned: whether its rows live in partitions.
        rows: the planner's estimate.
        key: the primary key's columns in order; empty without one.
        columns: all columns in order.
        names: under which its changes may stand: its own and its partitions'.
    """

    table: Table
    oid: int
    partitioned: bool
    rows: int
    key: tuple[Column, ...]
    columns: tuple[Column, ...]
    names: tuple[Table, ...]

    @property
    def source(self) -> sql.Composed:
        """The table in a FROM clause; inheritance children are tables of their own."""
        name = sql.Identifier(self.table.schema, self.table.name)
        return sql.SQL("{}").format(name) if self.partitioned else sql.SQL("only {}").format(name)

    def require_key(self) -> None:
        """Check that rows can be told apart.

        Raises:
            ContinuityError: there is no primary key.
        """
        if not self.key:
            raise ContinuityError(
                "the table has no primary key, so its rows cannot be matched with captured changes",
                got=str(self.table),
                fix="add a primary key, or leave the table out",
            )


def cut_search_path(database: Database, relation: Relation) -> None:
    """Let the transaction at hand find pg_catalog and the key's own types, whose operators order the key."""
    _search_path(database, ["pg_catalog", *sorted({column.schema for column in relation.key} - {"pg_catalog"})])


def _search_path(database: Database, schemas: list[str]) -> None:
    path = ", ".join('"' + schema.replace('"', '""') + '"' for schema in schemas)
    database.one("continuity/search_path", {"path": path})


def relation(database: Database, name: str) -> Relation:
    """Describe a table, within the transaction at hand; its search_path is cut for the rest of it.

    Raises:
        ContinuityError: there is no such table, or it is an audit table or a partition.
    """
    table = parse(name, database.settings.audit_schema)
    if table.schema == database.settings.audit_schema and table.name in AUDIT_TABLES:
        raise ContinuityError(
            "the audit tables have no baseline: they are the history", got=str(table), fix="name a host table"
        )
    _search_path(database, ["pg_catalog"])
    row = database.connection.execute(
        database.statement("continuity/relation"), {"schema": table.schema, "table": table.name}
    ).fetchone()
    if row is None:
        raise ContinuityError(
            "there is no such table", got=str(table), fix="correct its name; views and foreign tables have no capture"
        )
    oid, kind, partition, rows, key, columns = row
    if partition:
        raise ContinuityError(
            "this is a partition", got=str(table), fix="name the partitioned table, whose key is the one that counts"
        )
    described = tuple(Column(**column) for column in cast("list[dict[str, Any]]", columns))
    by_name = {column.name: column for column in described}
    names = database.connection.execute(database.statement("continuity/family"), {"oid": oid}).fetchall()
    return Relation(
        table=table,
        oid=oid,
        partitioned=kind == "p",
        rows=rows,
        key=tuple(by_name[column] for column in key),
        columns=described,
        names=tuple(Table(schema, leaf) for schema, leaf in names),
    )
