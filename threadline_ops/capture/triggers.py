"""Put the capture triggers that settings imply on tables."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

from threadline_ops.capture import catalog, definition
from threadline_ops.capture.names import Table
from threadline_ops.database import Database
from threadline_ops.settings import CaptureSettings, CaptureTable


@dataclass(frozen=True)
class TableCaptured:
    """A table's trigger and function are as its settings imply."""

    table: str
    function: str


@dataclass(frozen=True)
class TriggersResult:
    """What a run came to."""

    tables: tuple[str, ...]


def apply(
    database: Database, tables: Iterable[Table], settings: CaptureSettings | None = None
) -> Generator[TableCaptured, None, TriggersResult]:
    """Bring each table's capture to what the settings imply, one transaction a table.

    Args:
        database: where the tables are; `install` has run there.
        tables: which tables; each must exist.
        settings: per-table settings; a table without any gets the defaults.

    Raises:
        SchemaMissing: the audit tables are not there.
        CoverageGap: a table does not exist.
    """
    database.require_audit_schema()
    per_table = settings_by_table(settings or CaptureSettings(), database.settings.audit_schema)
    done: list[str] = []
    for table in tables:
        function = _apply_one(database, table, per_table.get(table, CaptureTable()))
        done.append(str(table))
        yield TableCaptured(str(table), function)
    return TriggersResult(tuple(done))


def _apply_one(database: Database, table: Table, settings: CaptureTable) -> str:
    audit_schema = database.settings.audit_schema
    with database.transaction() as connection:
        shape = catalog.shape(database, table)
        function = definition.table_function(shape, settings, audit_schema)
        connection.execute(function.create())
        connection.execute(function.revoke())
        connection.execute(definition.row_trigger(shape, settings, audit_schema).create())
    return function.name


def settings_by_table(settings: CaptureSettings, audit_schema: str) -> dict[Table, CaptureTable]:
    """The per-table settings under the tables' parsed names."""
    from threadline_ops.capture.names import parse

    return {parse(name, audit_schema): value for name, value in settings.tables.items()}
