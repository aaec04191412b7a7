"""When capture of a table went live, as far as anything still knows, and how it is known.

What is exact comes first. Evidence and captured changes only bound it: capture was live by then. A check that saw the
table uncovered ends whatever was known before: T0 is later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from psycopg import sql

from threadline_ops.continuity.keys import recorded_as
from threadline_ops.continuity.relation import Relation
from threadline_ops.coverage import Status
from threadline_ops.database import Database, Identity
from threadline_ops.evidence import Store, records
from threadline_ops.sql import template

#: From the trigger's catalog row (exact), or from a check that saw it covered or the oldest change kept (not later).
Source = Literal["trigger creation", "evidence", "first change", "not known"]

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Covered:
    """What coverage checks on record saw of a table, in the latest stretch in which it was covered.

    Attributes:
        since: the first check that saw it covered; None when there is none since the last one that did not.
        gap: the last check that saw it not covered; None when there is none.
    """

    since: datetime | None = None
    gap: datetime | None = None


def covered(directory: Path, identity: Identity) -> Mapping[str, Covered]:
    """What the evidence store's coverage checks of a database saw, by the tables' full names.

    Args:
        directory: of the store.
        identity: of the database; records of another cluster are no evidence.

    Raises:
        EvidenceError: a record cannot be read.
    """
    known: dict[str, Covered] = {}
    for record in records(Store(directory)) if directory.is_dir() else ():
        database: dict[str, Any] = record.body.get("database") or {}
        here = (database.get("system_identifier"), database.get("database"))
        states: dict[str, list[str]] = record.body.get("figures", {}).get("tables_by_status") or {}
        if here != (identity.system_identifier, identity.database):
            continue
        for status, names in states.items():
            for name in names:
                before = known.get(name, Covered())
                if status == Status.COVERED.value:
                    known[name] = Covered(before.since or record.ended, before.gap)
                else:
                    known[name] = Covered(None, record.ended)
    return known


def t0(database: Database, found: Relation, seen: Covered) -> tuple[datetime | None, Source]:
    """T0 and how it is known, within the transaction at hand.

    Args:
        database: the audited database.
        found: the table.
        seen: what evidence says.
    """
    created = database.one("continuity/trigger_created", {"oid": found.oid})[0]
    if created is not None:
        return created, "trigger creation"
    first = _first_change(database, found, seen.gap or _NEVER)
    if seen.since is not None and (first is None or seen.since <= first):
        return seen.since, "evidence"
    return (first, "first change") if first is not None else (None, "not known")


def _first_change(database: Database, found: Relation, after: datetime) -> datetime | None:
    statement = template("continuity/rows/first_change").format(
        audit=sql.Identifier(database.settings.audit_schema),
        named=recorded_as(found, "c"),
        after=sql.Literal(after),
    )
    row = database.connection.execute(statement).fetchone()
    assert row is not None
    return row[0]
