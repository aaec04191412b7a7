"""Statements over a slice's range, with the rows' rendering in its place."""

from __future__ import annotations

from psycopg import sql

from threadline_ops import sql as sql_files
from threadline_ops.database import Database


def ranged(database: Database, name: str, **slots: sql.Composable) -> sql.Composed:
    """A statement of sql/archive that speaks of rows as bytes.

    Args:
        database: names the audit schema.
        name: the statement's file.
        slots: further parts that it has.
    """
    rows = {
        "change_row": sql_files.template("archive/rows/change"),
        "transaction_row": sql_files.template("archive/rows/transaction"),
    }
    schemas = {
        "audit": sql.Identifier(database.settings.audit_schema),
        "operations": sql.Identifier(database.settings.operations_schema),
    }
    return sql_files.template(f"archive/{name}").format(**schemas, **rows, **slots)
