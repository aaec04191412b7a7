"""What stands between the deployed capture of a table and the one that its settings imply."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass

from psycopg import sql

from threadline_ops.capture import catalog, definition, names
from threadline_ops.capture.catalog import Deployed
from threadline_ops.capture.names import Table
from threadline_ops.capture.objects import Function, Trigger, script
from threadline_ops.database import Database
from threadline_ops.sections import CaptureTable
from threadline_ops.sql import template


@dataclass(frozen=True)
class Step:
    """One object that differs: what it is, how it is deployed, how it should be, and what makes it so."""

    name: str
    deployed: str
    wanted: str
    statements: tuple[sql.Composed, ...]

    def diff(self) -> str:
        """A unified diff from the deployed definition to the wanted one."""
        lines = difflib.unified_diff(
            self.deployed.splitlines(), self.wanted.splitlines(), "deployed", "wanted", lineterm=""
        )
        return f"{self.name}\n" + "\n".join(lines)


@dataclass(frozen=True)
class TablePlan:
    """The steps of one table; none means that it has converged."""

    table: Table
    function: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()

    def script(self) -> str:
        """The steps as the text of a migration."""
        return script([statement for step in self.steps for statement in step.statements])


def table_plan(database: Database, table: Table, settings: CaptureTable, found: Deployed) -> TablePlan:
    """Compare one table with its settings, within the transaction at hand.

    Raises:
        CoverageGap: there is no such table.
        SettingsError: it may not be captured, or not with these settings.
    """
    audit_schema = database.settings.audit_schema
    shape = catalog.shape(database, table, settings)
    function = definition.table_function(shape, settings, audit_schema)
    triggers = definition.table_triggers(shape, settings, audit_schema)
    steps = _function_steps(function, found, catalog.owner(database))
    for trigger in triggers:
        steps += _trigger_steps(trigger, found)
    wanted = {(trigger.table, trigger.name) for trigger in triggers}
    # Left by another mode, or by the table's former name: it would capture everything twice.
    steps += [
        _dropped_trigger(trigger)
        for trigger in found.triggers
        if trigger.table in (table, *shape.leaves) and (trigger.table, trigger.name) not in wanted
    ]
    steps += _unused_function_steps(table, function.name, found, audit_schema)
    return TablePlan(table, function.name, tuple(steps), shape.warnings)


def removal_plan(database: Database, table: Table, found: Deployed) -> TablePlan:
    """Everything of capture that is on one table, to be taken away."""
    truncate = names.truncate_trigger_name(table)
    steps = [
        _dropped_trigger(trigger)
        for trigger in found.triggers
        if trigger.table == table or (trigger.name == truncate and _names(trigger, table))
    ]
    steps += _unused_function_steps(table, "", found, database.settings.audit_schema)
    return TablePlan(table, "", tuple(steps))


def captured_tables(found: Deployed) -> list[Table]:
    """The tables that have a row trigger of capture, in order."""
    return sorted({t.table for t in found.triggers if t.name.startswith(names.TRIGGER_PREFIX)})


def _names(trigger: Trigger, table: Table) -> bool:
    """Whether a partition's statement trigger records its changes under the table's name."""
    if len(trigger.arguments) < 2:
        return False
    spec = json.loads(trigger.arguments[1])
    return (spec["schema"], spec["table"]) == (table.schema, table.name)


def _function_steps(wanted: Function, found: Deployed, owners: tuple[str, str]) -> list[Step]:
    deployed = found.functions.get(wanted.name)
    owner, current = owners
    owned_by = found.owners.get(wanted.name, current)
    if deployed == wanted and owned_by == owner:
        return []
    statements = wanted.statements()
    if owned_by != owner:
        statements.append(template("capture/function_owner").format(**wanted.identity, owner=sql.Identifier(owner)))
    return [
        Step(
            f"function {wanted.name}",
            f"{script(deployed.statements())}-- owner: {owned_by}" if deployed else "",
            f"{script(wanted.statements())}-- owner: {owner}",
            tuple(statements),
        )
    ]


def _trigger_steps(wanted: Trigger, found: Deployed) -> list[Step]:
    deployed = next((t for t in found.triggers if (t.table, t.name) == (wanted.table, wanted.name)), None)
    if deployed == wanted:
        return []
    return [
        Step(
            f"trigger {wanted.name} on {wanted.table}",
            deployed.described() if deployed else "",
            wanted.described(),
            tuple(wanted.statements(anew=deployed is None)),
        )
    ]


def _dropped_trigger(trigger: Trigger) -> Step:
    return Step(f"trigger {trigger.name} on {trigger.table}", trigger.described(), "", tuple(trigger.drop()))


def _unused_function_steps(table: Table, wanted: str, found: Deployed, audit_schema: str) -> list[Step]:
    """A table's own function that nothing calls any more, because its settings went."""
    name = names.function_name(table, audit_schema)
    function = found.functions.get(name)
    if function is None or name == wanted:
        return []
    if any(t.function == name and t.table != table for t in found.triggers):
        return []
    return [Step(f"function {name}", script(function.statements()), "", tuple(function.drop()))]
