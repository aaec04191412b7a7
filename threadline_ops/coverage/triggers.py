"""Compares the triggers of a table with those that its settings imply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from threadline_ops.capture.names import DEFAULT_FUNCTION, Table
from threadline_ops.capture.objects import ROW_TYPE, Trigger
from threadline_ops.coverage import evidence_sql
from threadline_ops.coverage.catalog import DeployedTable, DeployedTrigger
from threadline_ops.coverage.rules import Finding, found

_ROW, _BEFORE, _INSTEAD, _TRUNCATE = 1, 2, 64, 32
_EVENTS = {4: "insert", 16: "update", 8: "delete"}


def row_triggers(table: DeployedTable, wanted: Trigger) -> list[DeployedTrigger]:
    """The triggers that capture, or claim to capture, rows of a table; the one of the wanted name first."""
    claiming = [
        trigger
        for trigger in table.triggers
        if not trigger.kind & _TRUNCATE
        and (trigger.name == wanted.name or trigger.function.name.startswith(DEFAULT_FUNCTION))
    ]
    return sorted(claiming, key=lambda trigger: (trigger.name != wanted.name, trigger.name))


def compare(table: Table, trigger: DeployedTrigger, wanted: Trigger) -> Iterator[Finding]:
    """What keeps a trigger from firing after every row change, or makes it claim a wrong name."""
    for rule, what in _differences(trigger, wanted):
        yield found(rule, table, f"{trigger.name} {what}", evidence_sql.triggers(table))


def _differences(trigger: DeployedTrigger, wanted: Trigger) -> Iterator[tuple[str, str]]:
    states = {
        "D": ("trigger_disabled", "is disabled"),
        "R": ("trigger_replica_only", "fires in the replica role only"),
        "A": ("trigger_always", "fires in the replica role as well"),
    }
    if trigger.enabled in states:
        yield states[trigger.enabled]
    if trigger.kind & (_BEFORE | _INSTEAD):
        yield "trigger_not_after", "fires before the row is final"
    if not trigger.kind & _ROW:
        yield "trigger_per_statement", "fires once a statement, without rows"
    missing = [name for bit, name in _EVENTS.items() if ROW_TYPE & ~trigger.kind & bit]
    if missing:
        yield "trigger_events_missing", f"does not fire on {', '.join(missing)}"
    if trigger.conditional:
        yield "trigger_conditional", "has a WHEN condition"
    if trigger.columns:
        yield "trigger_column_list", f"fires on updates of {', '.join(trigger.columns)} only"
    if trigger.deferrable:
        yield "trigger_deferrable", "may be deferred to the end of the transaction"
    if trigger.arguments != wanted.arguments and not trigger.copied:
        yield "trigger_arguments", "has other arguments, which say under what name changes are recorded"
    if trigger.name != wanted.name:
        yield "trigger_renamed", f"is not named {wanted.name}"


def compare_truncate(
    table: Table, tables: Mapping[Table, DeployedTable], wanted: tuple[Trigger, ...]
) -> Iterator[Finding]:
    """What keeps TRUNCATE from being captured, or refused, as the settings say."""
    bad = [str(trigger.table) for trigger in wanted if not _stands(tables.get(trigger.table), trigger)]
    if bad:
        what = f"TRUNCATE of {', '.join(bad[:5])}{' and more' if len(bad) > 5 else ''} passes unseen"
        yield found("truncate_uncaptured", table, what, evidence_sql.triggers(table))


def _stands(table: DeployedTable | None, wanted: Trigger) -> bool:
    return table is not None and any(
        (t.name, t.kind, t.arguments, t.function.schema, t.function.name)
        == (wanted.name, wanted.type, wanted.arguments, wanted.function_schema, wanted.function)
        and t.enabled in ("O", "A")
        and not t.conditional
        for t in table.triggers
    )


def compare_partitions(root: DeployedTable, tables: Mapping[Table, DeployedTable]) -> Iterator[Finding]:
    """Partitions whose rows escape the trigger of their root."""
    for leaf in root.shape.leaves:
        part = tables.get(leaf)
        # A partition in a schema that is not inspected is looked at by nobody, so it counts as not captured.
        if part is None or not any(t.copied and t.enabled in ("O", "A") for t in part.triggers):
            what = f"the trigger's copy on partition {leaf} is missing or disabled"
            yield found("partition_uncovered", root.table, what, evidence_sql.triggers(leaf))


def compare_children(parent: Table, children: Iterable[DeployedTable]) -> Iterator[Finding]:
    """Inheritance children, whose rows a query of the parent shows and its trigger does not see."""
    for child in children:
        if not any(t.function.name.startswith(DEFAULT_FUNCTION) for t in child.triggers):
            what = f"rows of its inheritance child {child.table} are not captured"
            yield found("inheritance_child_uncovered", parent, what, evidence_sql.triggers(child.table))
