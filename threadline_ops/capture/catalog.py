"""What the catalog says of the tables to capture."""

from __future__ import annotations

from threadline_ops.capture.definition import Shape
from threadline_ops.capture.names import AUDIT_TABLES, Table
from threadline_ops.database import Database
from threadline_ops.errors import CoverageGap, SettingsError


def shape(database: Database, table: Table) -> Shape:
    """A table's columns and key, within the transaction at hand.

    Raises:
        CoverageGap: there is no such table.
        SettingsError: it is not a table that may be captured.
    """
    if table.schema == database.settings.audit_schema and table.name in AUDIT_TABLES:
        raise SettingsError(
            "the audit tables are never captured themselves", got=str(table), fix="take it from the list"
        )
    row = database.connection.execute(
        database.statement("capture/table_shape"), {"schema": table.schema, "table": table.name}
    ).fetchone()
    if row is None:
        raise CoverageGap(
            "there is no such table to capture",
            got=str(table),
            fix="correct its name in the settings, or create it first",
        )
    _, kind, _, _, columns, key = row
    return Shape(table, tuple(columns), tuple(key), partitioned=kind == "p")
