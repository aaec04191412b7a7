"""What capture's own code says a table should have: the only place where coverage asks it."""

from __future__ import annotations

from threadline_ops.capture import definition
from threadline_ops.capture.objects import Function, Trigger
from threadline_ops.capture.policy import Key, Shape, check, harmless, key_of
from threadline_ops.errors import SettingsError
from threadline_ops.settings import CaptureTable


class Definitions:
    """Wanted definitions, each body made once: thousands of tables share a few keys and settings.

    Args:
        audit_schema: where the audit tables are.
    """

    def __init__(self, audit_schema: str) -> None:
        self.audit_schema = audit_schema
        self.shared = {function.name: function for function in definition.shared_functions(audit_schema)}
        self._functions: dict[object, Function] = {}

    def triggers(self, shape: Shape, settings: CaptureTable) -> tuple[Trigger, ...]:
        """The row trigger of a table, and those for TRUNCATE."""
        return definition.table_triggers(shape, settings, self.audit_schema)

    def function(self, shape: Shape, settings: CaptureTable) -> Function:
        """The row function of a table; of equal ones the name may be another table's."""
        known = harmless(shape, settings) if settings.exclude or settings.mask else ()
        place = (key_of(shape, settings), known, settings)
        if place not in self._functions:
            self._functions[place] = definition.table_function(shape, settings, self.audit_schema)
        return self._functions[place]

    def key(self, shape: Shape, settings: CaptureTable) -> Key:
        """What identifies a row of a table."""
        return key_of(shape, settings)


def misfit(shape: Shape, settings: CaptureTable, *, has_primary_key: bool) -> SettingsError | None:
    """Why capture would refuse to put these settings on this table, if it would."""
    try:
        check(shape, settings, has_primary_key=has_primary_key)
    except SettingsError as error:
        return error
    return None
