"""What the catalog says: the tables to capture, and the functions and triggers that are deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from threadline_ops.capture.names import AUDIT_TABLES, Table, trigger_name
from threadline_ops.capture.objects import Function, Trigger
from threadline_ops.capture.policy import Shape, check
from threadline_ops.database import Database
from threadline_ops.errors import CoverageGap, SettingsError
from threadline_ops.sections import CaptureTable


@dataclass(frozen=True)
class Deployed:
    """Capture's own objects as they are."""

    functions: dict[str, Function]
    owners: dict[str, str]
    triggers: tuple[Trigger, ...]


def shape(database: Database, table: Table, settings: CaptureTable) -> Shape:
    """A table's columns and keys, checked against its settings, within the transaction at hand.

    Raises:
        CoverageGap: there is no such table.
        SettingsError: it may not be captured, or not with these settings.
    """
    audit_schema = database.settings.audit_schema
    if table.schema == audit_schema and table.name in AUDIT_TABLES:
        raise SettingsError(
            "the audit tables are never captured themselves", got=str(table), fix="take it from the list"
        )
    parameters = {
        "schema": table.schema,
        "table": table.name,
        "trigger": trigger_name(table),
        "audit_schema": audit_schema,
    }
    cursor = database.connection.cursor(row_factory=dict_row)
    row = cursor.execute(database.statement("capture/table_shape"), parameters).fetchone()
    if row is None:
        raise CoverageGap(
            "there is no such table to capture",
            got=str(table),
            fix="correct its name in the settings, or create it first",
        )
    if row["is_partition"]:
        raise SettingsError(
            "this is a partition, whose changes are captured under its parent's name",
            got=str(table),
            fix="name the partitioned table instead",
        )
    found = _shape(table, row)
    check(found, settings, has_primary_key=row["has_primary_key"])
    return found


def _shape(table: Table, row: dict[str, Any]) -> Shape:
    keys = tuple(tuple(columns) for columns in row["keys"])
    return Shape(
        table,
        tuple(row["columns"]),
        keys[:1] if row["has_primary_key"] else keys,
        partitioned=row["kind"] == "p",
        leaves=tuple(Table(*leaf) for leaf in row["leaves"]),
        generated={name: tuple(sources) for name, sources in row["generated"].items()},
        readable=row["readable"],
        warnings=tuple(_warnings(row)),
    )


def _warnings(row: dict[str, Any]) -> list[str]:
    warnings: list[str] = []
    if not row["keys"]:
        warnings.append("it has no primary key or other unique key, so table_pk records the whole row")
    elif not row["has_primary_key"]:
        warnings.append("it has no primary key, so table_pk records a unique index's columns")
    if row["earlier_triggers"]:
        names = ", ".join(row["earlier_triggers"])
        warnings.append(f"{names} fire before capture: what they write to it is captured first")
    if row["children"]:
        warnings.append("it has inheritance children, whose own rows capture does not see")
    return warnings


def deployed(database: Database) -> Deployed:
    """Every function and trigger of capture that exists, within the transaction at hand."""
    schema = database.settings.audit_schema
    execute = database.connection.execute
    functions: dict[str, Function] = {}
    owners: dict[str, str] = {}
    for name, body, arguments, returns, volatility, definer, settings, public, owner in execute(
        database.statement("capture/deployed_functions"), {"schema": schema}
    ):
        pinned = tuple((key, value) for key, _, value in (entry.partition("=") for entry in settings))
        functions[name] = Function(schema, name, body.strip(), arguments, returns, volatility, definer, pinned, public)
        owners[name] = owner
    rows = execute(database.statement("capture/deployed_triggers"), {})
    return Deployed(functions, owners, tuple(_trigger(*row) for row in rows))


def owner(database: Database) -> tuple[str, str]:
    """Who owns the audit tables, and who we are, within the transaction at hand."""
    owned_by, current = database.one("capture/owner", {"schema": database.settings.audit_schema})
    return owned_by, current


def _trigger(
    schema: str,
    table: str,
    name: str,
    function_schema: str,
    function: str,
    arguments: bytes,
    kind: int,
    fires: bool,
    columns: list[str],
    condition: str | None,
) -> Trigger:
    # The catalog keeps arguments as one string with a NUL after each.
    given = tuple(part.decode() for part in bytes(arguments).split(b"\0")[:-1])
    return Trigger(Table(schema, table), name, function_schema, function, given, kind, fires, tuple(columns), condition)
