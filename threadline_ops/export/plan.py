"""The plan of an export: one snapshot, its size, and the parts that readers share out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from threadline_ops.database import Database, Identity
from threadline_ops.errors import ExportError, SchemaMissing
from threadline_ops.export.filters import Filters
from threadline_ops.export.reader import LAST_TIME, Part

#: Changes a file, at most: what a resumed export does not have to read again, and what one reader is ahead by.
LARGEST_PART = 131_072
SMALLEST_PART = 16_384
#: Parts for each reader, so that none waits long for the last one.
PARTS_A_READER = 6


@dataclass(frozen=True)
class Plan:
    """What an export will write, fixed before the first file; a resumed export follows the same plan.

    Attributes:
        snapshot: the view of the data, as pg_current_snapshot() writes it.
        rows: how many changes match in it.
        parts: they cover every matching change once.
    """

    filters: Mapping[str, Any]
    hive: bool
    snapshot: str
    identity: Identity
    audit_schema: str
    started: str
    rows: int
    parts: tuple[Part, ...]

    def plain(self) -> dict[str, Any]:
        """The plan as JSON can hold it."""
        return asdict(self)

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Plan:
        """The plan from its JSON."""
        parts = tuple(Part(**part) for part in values.pop("parts"))
        return cls(identity=Identity(**values.pop("identity")), parts=parts, **values)


def require_columns(database: Database) -> None:
    """Check that the audit tables are as an export reads them.

    Raises:
        SchemaMissing: tables, or columns of later migrations, are not there.
    """
    database.require_audit_schema()
    with database.transaction(read_only=True):
        missing = database.one("export/missing_columns", {"schema": database.settings.audit_schema})[0]
    if missing:
        raise SchemaMissing(
            f"schema {database.settings.audit_schema!r} lacks {', '.join(missing)}",
            fix="run threadline-ops install, which adds what later migrations brought",
        )


def cut(database: Database, filters: Filters, *, readers: int) -> tuple[int, tuple[Part, ...]]:
    """Count the matching changes and share them out; inside the transaction of the snapshot."""
    parameters = filters.parameters()
    rows = database.one("export/count", parameters)[0]
    size = max(SMALLEST_PART, min(LARGEST_PART, rows // (readers * PARTS_A_READER)))
    if rows == 0:
        return 0, ()
    bounds: list[str] = []
    if rows > size:
        name = "export/cuts" if filters.narrow else "export/cuts_by_index"
        found = database.connection.execute(database.statement(name), parameters | {"part_rows": size})
        bounds = list(dict.fromkeys(row[0] for row in found))
    ends = [*bounds, LAST_TIME]
    return rows, tuple(Part(n, after, last) for n, (after, last) in enumerate(zip([None, *bounds], ends, strict=True)))


def recount(database: Database, plan: Plan, filters: Filters) -> None:
    """Make sure that everything the plan's snapshot saw is still there.

    Raises:
        ExportError: changes were purged since, or this is another database.
    """
    if (database.one("database/identity")[:3]) != (
        plan.identity.system_identifier,
        plan.identity.timeline,
        plan.identity.database,
    ):
        raise ExportError(
            "the unfinished export was taken from another database",
            got=plan.identity.database,
            fix="resume against that one, or remove the unfinished export and start again",
        )
    rows = database.one("export/count", filters.parameters() | {"snapshot": plan.snapshot})[0]
    if rows != plan.rows:
        raise ExportError(
            f"the unfinished export saw {plan.rows} changes, of which {rows} are still there",
            fix="remove the unfinished export and start again: what was purged meanwhile cannot be added",
        )


def near_names(database: Database, filters: Filters) -> tuple[str, ...] | None:
    """For a table that no change names: the names near it; None when the table is known or not asked for."""
    if filters.table is None:
        return None
    names = [row[0] for row in database.connection.execute(database.statement("export/known_tables"))]
    if filters.table in names:
        return None
    return tuple(get_close_matches(filters.table, names, n=5, cutoff=0.5))
