"""The exact functions and triggers that settings imply; pure, so that deployed ones can be compared with them."""

from __future__ import annotations

import json

from psycopg import sql

from threadline_ops.capture import names
from threadline_ops.capture.names import Table
from threadline_ops.capture.objects import TRUNCATE_TYPE, Function, Trigger, trusted
from threadline_ops.capture.policy import DEFAULT_KEY, Key, Shape, harmless, key_of
from threadline_ops.sections import CaptureTable
from threadline_ops.sql import source, template

_NOTHING = sql.SQL("")
_PLAIN = CaptureTable()
_encode = json.JSONEncoder(ensure_ascii=False).encode


def shared_functions(audit_schema: str) -> tuple[Function, ...]:
    """The functions that every install has, in the order in which they need one another."""

    def helper(name: str, body: str, arguments: str, returns: str, volatility: str = "volatile") -> Function:
        # Only ever called by capture's own functions, whose rights and settings they share.
        return Function(
            audit_schema, name, _body(body, audit_schema), arguments, returns, volatility, False, settings=()
        )

    return (
        helper("threadline_actor_is_valid", "actor_is_valid", "p_actor jsonb", "boolean", "immutable"),
        helper("threadline_capture_transaction", "transaction", "p_txid bigint", "uuid"),
        helper(
            "threadline_capture_unknown",
            "unknown",
            "p_row jsonb, p_exclude text[], p_known text[], p_placeholder text",
            "jsonb",
            "immutable",
        ),
        helper(
            "threadline_capture_former_key",
            "former_key",
            "p_transaction uuid, p_schema text, p_table text, p_relation regclass, p_former jsonb, p_values jsonb",
            "void",
        ),
        Function(audit_schema, names.TRUNCATE_FUNCTION, _body("truncate", audit_schema)),
        Function(
            audit_schema,
            names.ACTION_FUNCTION,
            _body("record_action", audit_schema),
            arguments="p_action jsonb",
            returns="uuid",
        ),
        row_function(names.DEFAULT_FUNCTION, DEFAULT_KEY, (), _PLAIN, audit_schema),
    )


def needs_own_function(shape: Shape, settings: CaptureTable) -> bool:
    """Whether the default function does not do: it records the key {"id": text} and redacts nothing."""
    return key_of(shape, settings) != DEFAULT_KEY or _of_rows(settings) != _of_rows(_PLAIN)


def _of_rows(settings: CaptureTable) -> tuple[object, ...]:
    """What matters for the row function: all but `truncate`, and but `key`, which is looked at by itself."""
    return (
        settings.exclude,
        settings.mask,
        settings.mask_placeholder,
        settings.store_changed_from,
        settings.except_columns,
        settings.typed_pk,
        settings.skip_noop,
    )


def table_function(shape: Shape, settings: CaptureTable, audit_schema: str) -> Function:
    """The capture function that a table's key and settings imply."""
    if not needs_own_function(shape, settings):
        return row_function(names.DEFAULT_FUNCTION, DEFAULT_KEY, (), _PLAIN, audit_schema)
    name = names.function_name(shape.table, audit_schema)
    return row_function(name, key_of(shape, settings), harmless(shape, settings), settings, audit_schema)


def table_triggers(
    shape: Shape,
    settings: CaptureTable,
    audit_schema: str,
    *,
    key: Key | None = None,
    own: bool | None = None,
) -> tuple[Trigger, ...]:
    """The triggers that a table's key and settings imply: for rows first, then for TRUNCATE.

    A partition's row trigger is a copy of its parent's, arguments included, which is how the parent's name
    gets into the changes of every partition. Statement triggers are not copied, so each partition has its own.

    Args:
        shape: of the table.
        settings: of the table.
        audit_schema: where the audit tables are.
        key: `key_of` these, where it is known already.
        own: `needs_own_function` of these, where it is known already.
    """
    key = key_of(shape, settings) if key is None else key
    own = needs_own_function(shape, settings) if own is None else own
    row = Trigger(
        table=shape.table,
        name=names.trigger_name(shape.table),
        function_schema=audit_schema,
        function=names.function_name(shape.table, audit_schema) if own else names.DEFAULT_FUNCTION,
        arguments=(shape.table.schema, shape.table.name) if shape.partitioned else (),
    )
    if settings.truncate == "ignore":
        return (row,)
    spec = truncate_spec(shape.table, key)
    return row, *(
        Trigger(
            table=table,
            name=names.truncate_trigger_name(shape.table),
            function_schema=audit_schema,
            function=names.TRUNCATE_FUNCTION,
            arguments=(settings.truncate, spec),
            type=TRUNCATE_TYPE,
        )
        for table in _truncated(shape, settings)
    )


def truncate_spec(table: Table, key: Key) -> str:
    """The second argument of a TRUNCATE trigger: under which name and key deletes are recorded."""
    return _encode(
        {"schema": table.schema, "table": table.name, "key": list(key.columns), "typed": key.typed},
    )


def row_function(name: str, key: Key, known: tuple[str, ...], settings: CaptureTable, audit_schema: str) -> Function:
    """A row trigger's function.

    Args:
        name: what it is called.
        key: what identifies a row.
        known: the columns that are not redacted; they matter only where some are.
        settings: redaction and the rest.
        audit_schema: where the audit tables are.
    """
    unseen = tuple(dict.fromkeys((*settings.except_columns, *settings.exclude)))
    audit = sql.Identifier(audit_schema)
    body = template("capture/body_row").format(
        audit=audit,
        compared=_without("v_new", unseen),
        skip_identical=_part("skip_identical") if settings.skip_noop else _NOTHING,
        skip_unchanged=_skip_unchanged(settings),
        redact=_redaction(settings, known, audit),
        key=_key_expression(key),
        changed_from=_part("changed_from") if settings.store_changed_from else _NOTHING,
        former_key=_NOTHING if key.whole_row else _former_key(key, audit),
    )
    return Function(audit_schema, name, body.as_string(None).strip())


def _truncated(shape: Shape, settings: CaptureTable) -> tuple[Table, ...]:
    # A marker, or a refusal, belongs to the statement: once, on whatever table it names.
    return (shape.table, *shape.leaves) if settings.truncate != "marker" else (shape.table,)


def _redaction(settings: CaptureTable, known: tuple[str, ...], audit: sql.Identifier) -> sql.Composable:
    if not settings.exclude and not settings.mask:
        return _NOTHING
    mask = json.dumps(dict.fromkeys(settings.mask, settings.mask_placeholder), ensure_ascii=False)

    def redacted(row: str) -> sql.Composable:
        kept = _without(row, settings.exclude)
        return sql.SQL("({}) || {}::jsonb").format(kept, sql.Literal(mask)) if settings.mask else kept

    return _part("redact").format(
        audit=audit,
        redacted=_array((*settings.exclude, *settings.mask)),
        old=redacted("v_old"),
        new=redacted("v_new"),
        exclude=_array(settings.exclude),
        known=_array(known),
        placeholder=sql.Literal(settings.mask_placeholder),
    )


def _skip_unchanged(settings: CaptureTable) -> sql.Composable:
    if not settings.skip_noop or not settings.exclude:
        return _NOTHING
    return _part("skip_unchanged").format(
        old=_without("v_old", settings.exclude), new=_without("v_new", settings.exclude)
    )


def _key_expression(key: Key) -> sql.Composable:
    if key.whole_row:
        return _part("key_from_row").format(columns=_array(key.columns))
    # Redaction never touches the key, and after it both rows are what may be recorded.
    return _key_of_row("coalesce(v_new, v_old)", key)


def _former_key(key: Key, audit: sql.Identifier) -> sql.Composed:
    values = _key_of_row("v_old", Key(key.columns, typed=True))
    return _part("former_key").format(audit=audit, former=_key_of_row("v_old", key), values=values)


def _key_of_row(row: str, key: Key) -> sql.Composed:
    pairs = sql.SQL(", ").join(
        sql.SQL("{}, {} {} {}").format(
            sql.Literal(column), trusted(row), trusted("->" if key.typed else "->>"), sql.Literal(column)
        )
        for column in key.columns
    )
    return sql.SQL("jsonb_build_object({})").format(pairs)


def _without(row: str, columns: tuple[str, ...]) -> sql.Composable:
    return sql.SQL("{} - {}").format(trusted(row), _array(columns)) if columns else trusted(row)


def _array(columns: tuple[str, ...]) -> sql.Composed:
    return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(map(sql.Literal, columns)))


def _part(name: str) -> sql.SQL:
    """A piece of a body, without the line that says why the file exists."""
    return trusted(source(f"capture/part_{name}").partition("\n")[2])


def _body(name: str, audit_schema: str) -> str:
    slots = {"audit": sql.Identifier(audit_schema), "audit_name": sql.Literal(audit_schema)}
    return template(f"capture/body_{name}").format(**slots).as_string(None).strip()
