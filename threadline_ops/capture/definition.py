"""The exact functions and triggers that settings imply; pure, so that deployed ones can be compared with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import LiteralString, cast

from psycopg import sql

from threadline_ops.capture import names
from threadline_ops.capture.names import Table
from threadline_ops.settings import CaptureTable
from threadline_ops.sql import template

#: Capture runs with its owner's rights, so every name is written with its schema and only pg_catalog is
#: searched: temp tables, and a public schema that anyone may create functions in, have no say. The rest
#: pins how values become JSON, which must not depend on who writes.
PINNED: tuple[tuple[str, str], ...] = (
    ("search_path", "pg_catalog, pg_temp"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
)


@dataclass(frozen=True)
class Shape:
    """What the catalog knows of a table, as far as capture depends on it."""

    table: Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    partitioned: bool = False


@dataclass(frozen=True)
class Function:
    """A function in every respect that matters for capture."""

    schema: str
    name: str
    body: str
    arguments: tuple[str, ...] = ()
    returns: str = "trigger"
    volatility: str = "volatile"
    security_definer: bool = True
    settings: tuple[tuple[str, str], ...] = PINNED

    def create(self) -> sql.Composed:
        """The statement that creates it, or replaces an older one."""
        return template("capture/function").format(
            function=sql.Identifier(self.schema, self.name),
            arguments=sql.SQL(", ").join(map(_trusted, self.arguments)),
            returns=_trusted(self.returns),
            volatility=_trusted(self.volatility),
            security=_trusted("security definer" if self.security_definer else "security invoker"),
            settings=sql.Composed([_setting(name, value) for name, value in self.settings]),
            body=_dollar_quoted(self.body),
        )

    def revoke(self) -> sql.Composed:
        """The statement that takes it from PUBLIC."""
        return template("capture/revoke_function").format(
            function=sql.Identifier(self.schema, self.name),
            arguments=sql.SQL(", ").join(map(_trusted, self.arguments)),
        )


@dataclass(frozen=True)
class Trigger:
    """A trigger in every respect that matters for capture."""

    table: Table
    name: str
    function_schema: str
    function: str
    arguments: tuple[str, ...] = ()

    def create(self) -> sql.Composed:
        """The statement that creates it, or replaces an older one."""
        return template("capture/trigger").format(
            trigger=sql.Identifier(self.name),
            schema=sql.Identifier(self.table.schema),
            table=sql.Identifier(self.table.name),
            function=sql.Identifier(self.function_schema, self.function),
            arguments=sql.SQL(", ").join(map(sql.Literal, self.arguments)),
        )


def shared_functions(audit_schema: str) -> tuple[Function, ...]:
    """The functions that every install has, in the order in which they need one another."""
    return (
        Function(
            audit_schema,
            "threadline_actor_is_valid",
            _body("capture/body_actor_is_valid", audit_schema),
            arguments=("p_actor jsonb",),
            returns="boolean",
            volatility="immutable",
            security_definer=False,
            settings=(),
        ),
        Function(
            audit_schema,
            "threadline_capture_transaction",
            _body("capture/body_transaction", audit_schema),
            arguments=("p_txid bigint",),
            returns="uuid",
            security_definer=False,
            settings=(),
        ),
        row_function(names.DEFAULT_FUNCTION, ("id",), CaptureTable(), audit_schema),
    )


def needs_own_function(shape: Shape, settings: CaptureTable) -> bool:
    """Whether the default function does not do: it records the key {"id": text} and redacts nothing."""
    return shape.key != ("id",) or settings != CaptureTable()


def table_function(shape: Shape, settings: CaptureTable, audit_schema: str) -> Function:
    """The capture function that a table's key and settings imply."""
    if not needs_own_function(shape, settings):
        return row_function(names.DEFAULT_FUNCTION, ("id",), CaptureTable(), audit_schema)
    return row_function(names.function_name(shape.table, audit_schema), shape.key, settings, audit_schema)


def row_trigger(shape: Shape, settings: CaptureTable, audit_schema: str) -> Trigger:
    """The row trigger that a table's key and settings imply.

    A partition's trigger is a copy of its parent's, arguments included, which is how the parent's name gets
    into the changes of every partition.
    """
    return Trigger(
        table=shape.table,
        name=names.trigger_name(shape.table),
        function_schema=audit_schema,
        function=table_function(shape, settings, audit_schema).name,
        arguments=(shape.table.schema, shape.table.name) if shape.partitioned else (),
    )


def row_function(name: str, key: tuple[str, ...], settings: CaptureTable, audit_schema: str) -> Function:
    """A row trigger's function for a key and settings."""
    unseen = tuple(dict.fromkeys((*settings.except_columns, *settings.exclude)))
    body = template("capture/body_row").format(
        audit=sql.Identifier(audit_schema),
        compared=_without("v_new", unseen),
        skip_unchanged=sql.SQL(""),
        redact=_redaction(settings),
        key=_key(key),
        changed_from=_changed_from() if settings.store_changed_from else sql.SQL(""),
        former_key=sql.SQL(""),
    )
    return Function(audit_schema, name, body.as_string(None))


def _redaction(settings: CaptureTable) -> sql.Composable:
    if not settings.exclude and not settings.mask:
        return sql.SQL("")
    mask = json.dumps(dict.fromkeys(settings.mask, settings.mask_placeholder), ensure_ascii=False)
    lines: list[sql.Composable] = []
    for row in ("v_old", "v_new"):
        redacted = _without(row, settings.exclude)
        if settings.mask:
            redacted = sql.SQL("({}) || {}::jsonb").format(redacted, sql.Literal(mask))
        lines.append(sql.SQL("    {} := {};\n").format(_trusted(row), redacted))
    return sql.Composed(lines)


def _key(key: tuple[str, ...]) -> sql.Composed:
    pairs = sql.SQL(", ").join(
        sql.SQL("{}, coalesce(v_new, v_old) ->> {}").format(sql.Literal(column), sql.Literal(column)) for column in key
    )
    return sql.SQL("    v_key := jsonb_build_object({});\n").format(pairs)


def _changed_from() -> sql.SQL:
    return sql.SQL(
        "    select jsonb_object_agg(f.name, v_old -> f.name) into v_from from unnest(v_fields) as f (name);\n"
    )


def _without(row: str, columns: tuple[str, ...]) -> sql.Composable:
    if not columns:
        return _trusted(row)
    return sql.SQL("{} - {}::text[]").format(_trusted(row), sql.Literal(list(columns)))


def _body(name: str, audit_schema: str) -> str:
    return template(name).format(audit=sql.Identifier(audit_schema)).as_string(None)


def _trusted(text: str) -> sql.SQL:
    """SQL made of this module's own words."""
    return sql.SQL(cast("LiteralString", text))


def _dollar_quoted(body: str) -> sql.SQL:
    """The body in dollar quotes, whose tag does not occur in it, however tables and columns are named."""
    tag = "threadline"
    while f"${tag}$" in body:
        tag += "_"
    return _trusted(f"${tag}$\n{body}\n${tag}$")


def _setting(name: str, value: str) -> sql.Composed:
    # search_path is a list of names: quoted as one literal it would be one name.
    shown = _trusted(value) if name == "search_path" else sql.Literal(value)
    return sql.SQL("set {} = {}\n").format(_trusted(name), shown)
