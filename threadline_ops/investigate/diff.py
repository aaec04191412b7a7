"""What one change did, field by field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from threadline_ops.investigate.records import ChangeRecord

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class FieldDiff:
    """One field.

    Attributes:
        after: its value after the change.
        has_before: whether the old value was kept; only then does `before` mean anything.
        before: the old value.
        prior_state: "omitted" when old values were kept, but not this one.
    """

    name: str
    after: Any
    has_before: bool = False
    before: Any = None
    prior_state: Literal["omitted"] | None = None

    def plain(self) -> dict[str, Any]:
        """The field as JSON has it: `before` and `prior_state` only where they say something."""
        fields: dict[str, Any] = {"name": self.name, "after": self.after}
        fields |= {"before": self.before} if self.has_before else {}
        return fields | ({"prior_state": self.prior_state} if self.prior_state else {})


@dataclass(frozen=True)
class ChangeDiff:
    """All fields of one change, sorted by name.

    Attributes:
        before_values: "sparse" where the table keeps old values of changed fields, else "none".
    """

    op: str
    before_values: Literal["none", "sparse"]
    fields: tuple[FieldDiff, ...]
    schema_version: int = SCHEMA_VERSION

    def plain(self) -> dict[str, Any]:
        """The diff as JSON has it."""
        return {
            "schema_version": self.schema_version,
            "op": self.op,
            "before_values": self.before_values,
            "fields": [field.plain() for field in self.fields],
        }


def diff(change: ChangeRecord, *, expand_insert: bool = False) -> ChangeDiff:
    """The field-level difference that a change made.

    Args:
        change: what to explain.
        expand_insert: list the fields of an insert too; otherwise it has none, like a delete.
    """
    after, before = change.data_after or {}, change.changed_from
    fields: tuple[FieldDiff, ...] = ()
    if change.op == "update":
        fields = tuple(_field(name, after, before) for name in sorted(change.changed_fields or []))
    elif change.op == "insert" and expand_insert:
        fields = tuple(FieldDiff(name, after[name]) for name in sorted(after))
    return ChangeDiff(change.op, "none" if before is None else "sparse", fields)


def _field(name: str, after: dict[str, Any], before: dict[str, Any] | None) -> FieldDiff:
    value = after.get(name)
    if before is None:
        return FieldDiff(name, value)
    if name in before:
        return FieldDiff(name, value, has_before=True, before=before[name])
    return FieldDiff(name, value, prior_state="omitted")
