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

Status = Literal["present", "deleted", "absent", "purged", "before_baseline", "before_horizon"]


@dataclass(frozen=True)
class AsOf:
    """The answer.

    Attributes:
        status: "present" with the row's values; "deleted" when the newest change by then was a delete; "absent"
            when a baseline by then has no such row and no change came after it; "purged" when what was known by
            then may have been purged: look in the archive; "before_baseline" when all that is known is a later
            baseline; "before_horizon" when nothing was captured of the row by then. Nothing is ever invented.
        row: the values, if present: of a change as captured, of a baseline as PostgreSQL writes them.
        source: where the answer comes from: "audit_changes", "baseline", or an earlier source's name.
        since: when the row became so: captured_at of the deciding change; of a baseline, when it was read.
        change: the deciding change, if it is still in audit_changes.
        horizon: the oldest retained change of the table, when none was found by then.
        baseline_at: when the row's part of the baseline that bears on the answer was read.
    """

    status: Status
    row: Values | None = None
    source: str = "audit_changes"
    since: datetime | None = None
    change: ChangeRecord | None = None
    horizon: datetime | None = None
    baseline_at: datetime | None = None

    @property
    def statement(self) -> str:
        """The answer in words, without the row's values."""
        baseline = f"known as of baseline at {_shown(self.baseline_at)}, history before is unknown"
        oldest = f"; the oldest retained change of the table is of {_shown(self.horizon)}" if self.horizon else ""
        match self.status:
            case "present":
                return baseline if self.baseline_at else f"present since {_shown(self.since)}, from {self.source}"
            case "deleted":
                return f"deleted at {_shown(self.since)}"
            case "absent":
                return f"no such row; {baseline}"
            case "purged":
                more = f"; the row is {baseline}" if self.baseline_at else ""
                return f"what was captured by then was purged: look in the archive{oldest}{more}"
            case "before_baseline":
                return baseline
            case "before_horizon":
                return f"before the audit horizon: nothing was captured of the row by then{oldest}"


def _shown(moment: datetime | None) -> str:
    return moment.isoformat(timespec="microseconds") if moment else "an unknown time"


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


@dataclass(frozen=True)
class Kept:
    """What a baseline knows of a row.

    Attributes:
        at: when the row's part of it was read.
        row: the row; None when it was not there.
        later: every baseline is later than the moment asked about, and `at` is the first one's.
    """

    at: datetime
    row: Values | None = None
    later: bool = False


class Baseline(Protocol):
    """What knows rows as they stood when they were read, outside audit_changes."""

    def kept(self, table: str, key: Key, at: datetime, *, schema: str | None, after: int | None) -> Kept | None:
        """The row in the newest baseline at or before `at`, or None when there is none.

        Args:
            table: the table's name.
            key: the whole primary key.
            at: the moment, aware.
            schema: of the table, if it was given.
            after: a transaction that the baseline must have seen, or else it is older than what is known, and None.
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
    baseline: Baseline | None = None,
    purged_before: datetime | None = None,
) -> AsOf:
    """The newest state at or before `at`: of audit_changes, else of earlier sources, else of a baseline.

    A baseline outdoes a change that it saw: what it says of the row is newer.

    Args:
        database: the audited database.
        table: its name without the schema.
        key: the whole primary key.
        at: the moment, aware; inclusive.
        schema: only needed where two schemas have a table of this name.
        earlier: asked in order when audit_changes has nothing by then, such as the archive.
        baseline: asked last.
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
    change = ChangeRecord.of(found) if found else None
    after = _txid(database, change) if change and baseline else None
    known = baseline.kept(table, key, at, schema=schema, after=after) if baseline else None
    if change:
        return _from_baseline(known) if known and not known.later else _from_change(change)
    for source in earlier:
        remembered = source.row_at(table, keys, at, schema=schema)
        if remembered:
            row, since = remembered
            return AsOf("deleted" if row is None else "present", row, source.name, since)
    return _without_change(known, at, purged_before, horizon)


def _without_change(known: Kept | None, at: datetime, purged_before: datetime | None, horizon: datetime | None) -> AsOf:
    """The answer when no change by then is known."""
    if known and not known.later and (purged_before is None or purged_before <= known.at):
        return _from_baseline(known)
    baseline_at = known.at if known else None
    # Changes between the baseline and the moment may have been purged too.
    if purged_before is not None and (at < purged_before or (known and not known.later)):
        return AsOf("purged", horizon=horizon, baseline_at=baseline_at)
    if known:
        return AsOf("before_baseline", source="baseline", horizon=horizon, baseline_at=baseline_at)
    return AsOf("before_horizon", horizon=horizon)


def _from_change(change: ChangeRecord) -> AsOf:
    status: Status = "deleted" if change.op == "delete" else "present"
    return AsOf(status, change.data_after, since=change.captured_at, change=change)


def _from_baseline(known: Kept) -> AsOf:
    status: Status = "absent" if known.row is None else "present"
    return AsOf(status, known.row, "baseline", known.at, baseline_at=known.at)


def _txid(database: Database, change: ChangeRecord) -> int | None:
    with database.transaction(read_only=True) as connection:
        statement = database.statement("investigate/txid")
        row = connection.execute(statement, {"transaction": change.transaction_id}).fetchone()
    return row[0] if row else None


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
