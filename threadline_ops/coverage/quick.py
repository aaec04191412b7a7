"""A quick look at a table: whether its capture is, by plain equality, exactly as wanted.

Most tables of a database are, and for them this is all that coverage does. Whatever differs in any respect, and
whatever is not simple, is left to the full comparison, which says what is wrong with it, if anything is.
"""

from __future__ import annotations

from threadline_ops.capture import names
from threadline_ops.capture.definition import truncate_spec
from threadline_ops.capture.objects import ROW_TYPE, TRUNCATE_TYPE
from threadline_ops.coverage.catalog import DeployedTable
from threadline_ops.coverage.wanted import Definitions, misfit
from threadline_ops.sections import CaptureTable

#: An ordinary trigger's tgenabled; then whether it is conditional, deferrable, a partition's copy; its columns.
_ORDINARY = ("O", False, False, False, ())


def exactly_as_wanted(item: DeployedTable, settings: CaptureTable, definitions: Definitions) -> bool:
    """Whether nothing at all is to be said of a table, apart from its children and who else calls its function."""
    table, shape = item.table, item.shape
    implied = definitions.implied(shape, settings)
    simple = not (item.unlogged or item.partition or shape.partitioned or implied.key.whole_row)
    wanted = 1 if settings.truncate == "ignore" else 2
    if not simple or len(item.triggers) != wanted:
        return False
    row, function = item.triggers[0], item.triggers[0].function
    schema = definitions.audit_schema
    name = names.function_name(table, schema) if implied.own else names.DEFAULT_FUNCTION
    kind = (function.schema, function.name, function.language, function.returns)
    return (
        row == (names.trigger_name(table), ROW_TYPE, *_ORDINARY, (), function)
        and kind == (schema, name, "plpgsql", "trigger")
        and (wanted == 1 or _truncate_as_wanted(item, settings, definitions))
        and function.body.strip() == definitions.function(shape, settings).body
        and misfit(shape, settings, has_primary_key=item.has_primary_key) is None
    )


def _truncate_as_wanted(item: DeployedTable, settings: CaptureTable, definitions: Definitions) -> bool:
    trigger, function = item.triggers[1], item.triggers[1].function
    spec = truncate_spec(item.table, definitions.implied(item.shape, settings).key)
    arguments = (settings.truncate, spec)
    return trigger == (
        names.truncate_trigger_name(item.table), TRUNCATE_TYPE, *_ORDINARY, arguments, function,
    ) and (function.schema, function.name) == (definitions.audit_schema, names.TRUNCATE_FUNCTION)  # fmt: skip
