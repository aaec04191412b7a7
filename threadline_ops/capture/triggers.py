"""Put the capture triggers that settings imply on tables, and take away what no setting names."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

from threadline_ops.capture import catalog, names
from threadline_ops.capture.names import Table
from threadline_ops.capture.plan import TablePlan, captured_tables, removal_plan, table_plan
from threadline_ops.database import Database
from threadline_ops.errors import SettingsError
from threadline_ops.sections import CaptureSettings, CaptureTable


@dataclass(frozen=True)
class TableCaptured:
    """A table's triggers and function are as its settings imply.

    Attributes:
        changed: the objects that had to be created, replaced or dropped; empty when it had converged.
    """

    table: str
    function: str
    changed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class TablePruned:
    """A table that no setting names is captured no more; what was captured of it stays."""

    table: str
    dropped: tuple[str, ...]


@dataclass(frozen=True)
class TriggersResult:
    """What a run came to.

    Attributes:
        unlisted: tables that are captured although no setting names them.
    """

    tables: tuple[str, ...]
    changed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


def apply(
    database: Database, tables: Iterable[Table] | None = None, settings: CaptureSettings | None = None
) -> Generator[TableCaptured, None, TriggersResult]:
    """Bring each table's capture to what the settings imply, one transaction a table.

    Args:
        database: where the tables are; `install` has run there.
        tables: which tables, each of which must exist; all that the settings name when not given.
        settings: per-table settings; a table without any gets the defaults.

    Raises:
        SchemaMissing: the audit tables are not there.
        CoverageGap: a table does not exist.
        SettingsError: a table's settings do not fit it.
    """
    database.require_audit_schema()
    settings = settings or CaptureSettings()
    per_table = settings_by_table(settings, database.settings.audit_schema)
    done: list[str] = []
    changed: list[str] = []
    for table in per_table if tables is None else tables:
        with database.transaction():
            plan = table_plan(database, table, per_table.get(table, CaptureTable()), catalog.deployed(database))
            _run(database, plan)
        done.append(str(table))
        steps = tuple(step.name for step in plan.steps)
        changed += steps
        yield TableCaptured(str(table), plan.function, steps, plan.warnings)
    return TriggersResult(tuple(done), tuple(changed), _unlisted_names(database, settings))


def plans(
    database: Database, tables: Iterable[Table] | None = None, settings: CaptureSettings | None = None
) -> list[TablePlan]:
    """What `apply` would do, changing nothing; see there for arguments and errors."""
    database.require_audit_schema()
    per_table = settings_by_table(settings or CaptureSettings(), database.settings.audit_schema)
    with database.transaction(read_only=True):
        found = catalog.deployed(database)
        return [
            table_plan(database, table, per_table.get(table, CaptureTable()), found)
            for table in (per_table if tables is None else tables)
        ]


def unlisted(database: Database, settings: CaptureSettings) -> list[Table]:
    """The tables that are captured although no setting names them."""
    per_table = settings_by_table(settings, database.settings.audit_schema)
    with database.transaction(read_only=True):
        return [table for table in captured_tables(catalog.deployed(database)) if table not in per_table]


def removals(database: Database, settings: CaptureSettings) -> list[TablePlan]:
    """What `prune` would do, changing nothing."""
    tables = unlisted(database, settings)
    with database.transaction(read_only=True):
        found = catalog.deployed(database)
        return [removal_plan(database, table, found) for table in tables]


def prune(database: Database, settings: CaptureSettings) -> Generator[TablePruned, None, tuple[str, ...]]:
    """Stop capturing the tables that no setting names, one transaction a table.

    What was captured of them stays; nothing that was written to them from now on will be known.

    Raises:
        SettingsError: the settings name no table at all, which would stop capture altogether.
    """
    if not settings.tables:
        raise SettingsError(
            "pruning without any table in the settings would stop all capture",
            fix='list the tables to keep under [capture.tables."schema.table"]',
        )
    done: list[str] = []
    for table in unlisted(database, settings):
        with database.transaction():
            plan = removal_plan(database, table, catalog.deployed(database))
            _run(database, plan)
        done.append(str(table))
        yield TablePruned(str(table), tuple(step.name for step in plan.steps))
    return tuple(done)


def settings_by_table(settings: CaptureSettings, audit_schema: str) -> dict[Table, CaptureTable]:
    """The per-table settings under the tables' names as the catalog spells them.

    Raises:
        SettingsError: a name cannot be read, or two names mean one table.
    """
    found: dict[Table, CaptureTable] = {}
    for name, value in settings.tables.items():
        table = names.parse(name, audit_schema)
        if table in found:
            raise SettingsError("two settings name one table", got=name, fix=f"keep one for {table}")
        found[table] = value
    return found


def _unlisted_names(database: Database, settings: CaptureSettings) -> tuple[str, ...]:
    return tuple(str(table) for table in unlisted(database, settings))


def _run(database: Database, plan: TablePlan) -> None:
    for step in plan.steps:
        for statement in step.statements:
            database.connection.execute(statement)
