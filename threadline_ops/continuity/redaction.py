"""Which columns must never leave the table: what the settings say, and what the deployed triggers do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import settings_by_table
from threadline_ops.continuity.relation import Relation
from threadline_ops.coverage import catalog
from threadline_ops.coverage.catalog import DeployedTable
from threadline_ops.coverage.deployed import implied, origin
from threadline_ops.coverage.wanted import Definitions
from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError
from threadline_ops.sections import CaptureSettings, CaptureTable


@dataclass(frozen=True)
class Redaction:
    """What continuity must not read.

    Attributes:
        excluded: columns that vanish, sorted.
        masked: columns that keep their name, each with its placeholder.
    """

    excluded: tuple[str, ...] = ()
    masked: tuple[tuple[str, str], ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Columns that take part in no comparison."""
        return tuple(sorted({*self.excluded, *(name for name, _ in self.masked)}))


def redaction(database: Database, relation: Relation, settings: CaptureSettings) -> Redaction:
    """The union of the settings' redaction and the deployed one, so that neither being stale can leak.

    What a deployed function hides is what coverage proves it to hide; columns that a redacting function does not
    know yet, because they were added later, it masks, and so do we.

    Raises:
        ContinuityError: a deployed function is of no known form and the settings are silent about the table,
            or the primary key itself is redacted.
    """
    configured = settings_by_table(settings, database.settings.audit_schema).get(relation.table)
    found = [_configured(configured)] if configured else []
    for item in catalog.read(database, [relation.table.schema]).tables:
        if item.oid == relation.oid:
            found += _deployed(database, item, configured)
    union = combined(found)
    _require_readable_key(relation.table, [column.name for column in relation.key], union)
    return union


def combined(redactions: Iterable[Redaction]) -> Redaction:
    """Everything that any of them hides; a column that one excludes and another masks is excluded."""
    every = list(redactions)
    excluded = {name for one in every for name in one.excluded}
    masked = {name: value for one in every for name, value in one.masked if name not in excluded}
    return Redaction(tuple(sorted(excluded)), tuple(sorted(masked.items())))


def _deployed(database: Database, item: DeployedTable, configured: CaptureTable | None) -> list[Redaction]:
    definitions = Definitions(database.settings.audit_schema)
    settings = configured or CaptureTable()
    found: list[Redaction] = []
    for function in {trigger.function.oid: trigger.function for trigger in item.triggers}.values():
        if function.returns != "trigger" or not function.name.startswith("threadline_capture_changes"):
            continue
        wanted = implied(item.shape, settings, definitions)
        there = origin(function, item.shape, settings, wanted, definitions)
        if there is not None:
            redacts = bool(there.exclude or there.mask) and there.ours
            unknown = set(item.shape.columns) - there.known - there.exclude if redacts else set[str]()
            placeholder = there.placeholder or settings.mask_placeholder
            masked = sorted((name, placeholder) for name in there.mask | unknown)
            found.append(Redaction(tuple(sorted(there.exclude)), tuple(masked)))
        elif configured is None:
            raise ContinuityError(
                f"the capture function {function.name} has a form that cannot be read for its redaction",
                got=str(item.table),
                fix="state the table's exclude and mask under capture.tables in the settings",
            )
    return found


def _configured(table: CaptureTable) -> Redaction:
    return Redaction(tuple(sorted(table.exclude)), tuple((name, table.mask_placeholder) for name in sorted(table.mask)))


def _require_readable_key(table: Table, key: list[str], hidden: Redaction) -> None:
    for name in key:
        if name in hidden.left_out:
            raise ContinuityError(
                f"column {name!r} of the primary key is excluded or masked, and a baseline would have to keep it",
                got=str(table),
                fix="give the table a key that may be stored, or leave the table out",
            )
