"""What capture's own code says a table should have: the only place where coverage asks it."""

from __future__ import annotations

from dataclasses import dataclass

from threadline_ops.capture import definition
from threadline_ops.capture.objects import Function, Trigger
from threadline_ops.capture.policy import Key, Shape, check, harmless, key_of
from threadline_ops.errors import SettingsError
from threadline_ops.sections import CaptureTable

#: Of a table that no setting names; one object, so that it can be told by identity.
PLAIN = CaptureTable()


@dataclass(frozen=True)
class Implied:
    """What a shape and settings come to, apart from the table's name.

    Attributes:
        key: what identifies a row.
        known: the columns that are not redacted.
        own: the default function does not do.
    """

    settings: CaptureTable
    key: Key
    known: tuple[str, ...]
    own: bool


class Definitions:
    """Wanted definitions, each made once: thousands of tables share a few keys and settings.

    Args:
        audit_schema: where the audit tables are.
    """

    def __init__(self, audit_schema: str) -> None:
        self.audit_schema = audit_schema
        self.shared = {function.name: function for function in definition.shared_functions(audit_schema)}
        self._functions: dict[object, Function] = {}
        self._of_implied: dict[int, Function] = {}
        self._implied: dict[object, Implied] = {}

    def implied(self, shape: Shape, settings: CaptureTable) -> Implied:
        """What settings come to for a table; equal for tables of one shape, and then the same object."""
        # By identity, because settings are slow to hash; what is kept holds them, so that no id is used again.
        place = (id(settings), shape.columns, shape.keys)
        found = self._implied.get(place)
        if found is None:
            known = harmless(shape, settings) if settings.exclude or settings.mask else ()
            own = definition.needs_own_function(shape, settings)
            found = self._implied[place] = Implied(settings, key_of(shape, settings), known, own)
        return found

    def triggers(self, shape: Shape, settings: CaptureTable) -> tuple[Trigger, ...]:
        """The row trigger of a table, and those for TRUNCATE."""
        implied = self.implied(shape, settings)
        return definition.table_triggers(shape, settings, self.audit_schema, key=implied.key, own=implied.own)

    def function(self, shape: Shape, settings: CaptureTable) -> Function:
        """The row function of a table; of equal ones the name may be another table's."""
        implied = self.implied(shape, settings)
        found = self._of_implied.get(id(implied))
        if found is None:
            # Settings of other tables may be other objects and yet equal.
            place = (implied.key, implied.known, settings) if implied.own else None
            if place not in self._functions:
                self._functions[place] = definition.table_function(shape, settings, self.audit_schema)
            found = self._of_implied[id(implied)] = self._functions[place]
        return found


def misfit(shape: Shape, settings: CaptureTable, *, has_primary_key: bool) -> SettingsError | None:
    """Why capture would refuse to put these settings on this table, if it would."""
    if settings is PLAIN and shape.readable:
        return None  # nothing is named that could be wrong
    try:
        check(shape, settings, has_primary_key=has_primary_key)
    except SettingsError as error:
        return error
    return None
