"""What a row was at some moment, as far as anything still knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from threadline_ops.database import Database
from threadline_ops.errors import FilterError
from threadline_ops.investigate.keys import Key, key_variants
from threadline_ops.investigate.records import ChangeRecord, Values

Status = Literal["present", "deleted", "purged", "before_horizon"]


@dataclass(frozen=True)
class AsOf:
    """The answer.

    Attributes:
        status: "present" with the row's values; "deleted" when the newest change by then was a delete;
            "purged" when what was known by then has been purged: look in the archive; "before_horizon" when
            nothing was captured of the row by then, and nothing may be invented.
        row: the values, if present.
        source: where the answer comes from: "audit_changes", or an earlier source's name.
        since: when the row became so: captured_at of the deciding change.
        change: the deciding change, if it is still in audit_changes.
        horizon: the oldest retained change of the table, when none was found by then.
    """

    status: Status
    row: Values | None = None
    source: str = "audit_changes"
    since: datetime | None = None
    change: ChangeRecord | None = None
    horizon: datetime | None = None


class Earlier(Protocol):
    """What remembers rows that audit_changes no longer, or never, held: an archive or a baseline.

    Attributes:
        name: shown as the answer's source.
    """

    @property
    def name(self) -> str:
        """What the answer shows as its source."""
        ...

    def row_at(
        self, table: str, keys: Sequence[str], at: datetime, *, schema: str | None
    ) -> tuple[Values | None, datetime] | None:
        """The row (None: deleted) and since when, or None when this source knows nothing of it by then.

        Args:
            table: the table's name.
            keys: JSON texts; the row's key contains one of them.
            at: the moment, aware.
            schema: of the table, if it was given.
        """
        ...


def as_of(
    database: Database,
    table: str,
    key: Key,
    at: datetime,
    *,
    schema: str | None = None,
    earlier: Sequence[Earlier] = (),
    purged_before: datetime | None = None,
) -> AsOf:
    """The newest state at or before `at`, falling through to earlier sources in their order.

    Args:
        database: the audited database.
        table: its name without the schema.
        key: the whole primary key.
        at: the moment, aware; inclusive.
        schema: only needed where two schemas have a table of this name.
        earlier: asked when audit_changes has nothing by then: the archive first, then the baseline.
        purged_before: changes captured before it may have been purged; see `purged_before()`.

    Raises:
        FilterError: the moment has no time zone, or the key is unusable.
    """
    if at.tzinfo is None:
        raise FilterError("the moment has no time zone", got=at.isoformat(), fix="append Z or an offset")
    keys = key_variants(key)
    parameters: dict[str, Any] = {"table": table, "table_schema": schema, "keys": keys, "at": at, "limit": 1}
    with database.transaction(read_only=True, snapshot=True) as connection:
        found = connection.execute(database.statement("investigate/history"), parameters).fetchone()
        horizon = None if found else database.one("investigate/horizon", parameters)[0]
    if found:
        change = ChangeRecord.of(found)
        status: Status = "deleted" if change.op == "delete" else "present"
        return AsOf(status, change.data_after, since=change.captured_at, change=change)
    for source in earlier:
        remembered = source.row_at(table, keys, at, schema=schema)
        if remembered:
            row, since = remembered
            return AsOf("deleted" if row is None else "present", row, source.name, since)
    purged = purged_before is not None and at < purged_before
    return AsOf("purged" if purged else "before_horizon", horizon=horizon)


def purged_before(evidence: Path, *, system_identifier: str, database: str) -> datetime | None:
    """The newest cutoff of any purge of this database that the evidence store tells of, or None.

    Args:
        evidence: the store's directory.
        system_identifier: of the cluster, from the database's identity.
        database: its name.
    """
    newest: datetime | None = None
    for path in evidence.glob("*.json"):
        record: dict[str, Any] = json.loads(path.read_bytes())
        known: dict[str, object] = record.get("database") or {}
        cutoff = record.get("parameters", {}).get("cutoff")
        same = (known.get("system_identifier"), known.get("database")) == (system_identifier, database)
        deleted = record.get("figures", {}).get("deleted_changes")
        if record.get("mode") == "execute" and same and deleted and cutoff:
            moment = datetime.fromisoformat(cutoff)
            newest = max(newest or moment, moment)
    return newest
