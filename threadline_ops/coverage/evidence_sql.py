"""The SQL that findings quote as evidence: it runs as it is, and shows definitions and counts, never row values."""

from __future__ import annotations

from psycopg import sql

from threadline_ops.capture.names import Table


def triggers(table: Table) -> str:
    """Shows a table's triggers with their state."""
    return _rendered(
        "select t.tgname, t.tgenabled, pg_get_triggerdef(t.oid) from pg_trigger as t where t.tgrelid ="
        " to_regclass({}) and not t.tgisinternal",
        _regclass(table),
    )


def function(oid: int) -> str:
    """Shows a function's definition."""
    return f"select pg_get_functiondef({oid})"


def functions_named(schema: str, name: str) -> str:
    """Shows whether a function exists."""
    return _rendered(
        "select p.oid from pg_proc as p where p.pronamespace = to_regnamespace({}) and p.proname = {}",
        sql.Identifier(schema).as_string(None),
        name,
    )


def relation(table: Table) -> str:
    """Shows a table's kind, persistence and row security."""
    return _rendered(
        "select c.relkind, c.relpersistence, c.relrowsecurity, c.reloptions from pg_class as c where c.oid ="
        " to_regclass({})",
        _regclass(table),
    )


def columns(table: Table) -> str:
    """Shows a table's columns."""
    return _rendered(
        "select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull from pg_attribute as a"
        " where a.attrelid = to_regclass({}) and a.attnum > 0 and not a.attisdropped",
        _regclass(table),
    )


def constraints(table: Table) -> str:
    """Shows a table's constraints."""
    return _rendered(
        "select o.conname, pg_get_constraintdef(o.oid) from pg_constraint as o where o.conrelid = to_regclass({})",
        _regclass(table),
    )


def indexes(table: Table) -> str:
    """Shows a table's indexes."""
    return _rendered(
        "select i.indexrelid::regclass, i.indisvalid, pg_get_indexdef(i.indexrelid) from pg_index as i"
        " where i.indrelid = to_regclass({})",
        _regclass(table),
    )


def grants(table: Table) -> str:
    """Shows who was granted what on a table."""
    return _rendered(
        "select a.grantee::regrole, a.privilege_type from pg_class as c, aclexplode(c.relacl) as a"
        " where c.oid = to_regclass({})",
        _regclass(table),
    )


def _rendered(text: str, *values: str) -> str:
    shown = [sql.Literal(value).as_string(None) for value in values]
    return text.format(*shown)


def _regclass(table: Table) -> str:
    return sql.Identifier(table.schema, table.name).as_string(None)


def of_rows(text: str, audit_schema: str, *values: str) -> str:
    """Shows rows or counts of the audit tables.

    Args:
        text: with `{changes}` and `{transactions}` for the tables, and `{}` for each value.
        audit_schema: where they are.
        values: become literals.
    """
    changes, transactions = (
        sql.Identifier(audit_schema, name).as_string(None) for name in ("audit_changes", "audit_transactions")
    )
    shown = [sql.Literal(value).as_string(None) for value in values]
    return text.format(*shown, changes=changes, transactions=transactions)
