"""Completeness without reading rows: what the statistics counted against what was captured. An estimate.

The statistics count aborted writes too, lag behind by about a second, and lose everything at a reset or a crash;
so a surplus in one interval proves nothing, and only one that later intervals do not take back asks for a look.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from threadline_ops.continuity.keys import recorded_as
from threadline_ops.continuity.relation import relation
from threadline_ops.database import Database
from threadline_ops.sql import template

#: A surplus below both of these is noise: writes in flight at an interval's ends, and aborted ones.
_ROWS, _SHARE = 10, 0.01
#: So many readings in a row must show it.
_READINGS = 3
#: Differences are taken from a new first reading after so long without a surplus, to keep the count cheap.
_SPAN = timedelta(days=1)


@dataclass(frozen=True)
class Counters:
    """The statistics of a table at a time: rows written since they began, aborted ones included.

    Attributes:
        at: the database's clock.
        inserted: rows, as updated and deleted are.
        rollbacks: of the whole database.
        reset: when the statistics began.
        oid: of the table.
    """

    at: datetime
    inserted: int
    updated: int
    deleted: int
    rollbacks: int
    reset: datetime | None
    oid: int

    @property
    def written(self) -> int:
        """Rows of all three kinds."""
        return self.inserted + self.updated + self.deleted

    def continues(self, earlier: Counters) -> bool:
        """Whether the difference to earlier ones means anything: same table, nothing reset."""
        grown = (
            self.inserted >= earlier.inserted and self.updated >= earlier.updated and self.deleted >= earlier.deleted
        )
        return grown and self.oid == earlier.oid and self.reset == earlier.reset


@dataclass(frozen=True)
class Estimate:
    """An interval, and what has added up since the first reading.

    Attributes:
        written: rows by the statistics in the interval.
        captured: changes captured in it.
        surplus: written less captured, summed since the first reading; never proof.
        rollbacks: of the database in the interval: aborted writes are a part of any surplus.
        restarted: the statistics began anew, so this reading is a first one.
    """

    written: int
    captured: int
    surplus: int
    rollbacks: int
    restarted: bool


@dataclass(frozen=True)
class Trail:
    """Readings of one table so far, small enough to be kept as a sensor's cursor.

    Attributes:
        first: the counters that differences are taken from.
        last: the newest ones.
        captured: changes since the first.
        surpluses: of the last few readings.
    """

    first: Counters
    last: Counters
    captured: int = 0
    surpluses: tuple[int, ...] = ()

    @property
    def written(self) -> int:
        """Rows by the statistics since the first reading."""
        return self.last.written - self.first.written

    @property
    def sustained(self) -> bool:
        """Whether the last readings all show a surplus that is no noise."""
        least = max(_ROWS, _SHARE * self.written)
        return len(self.surpluses) >= _READINGS and min(self.surpluses[-_READINGS:]) >= least


def counters(database: Database, name: str) -> Counters:
    """Read a table's statistics.

    Raises:
        ContinuityError: there is no such table.
    """
    with database.transaction(read_only=True):
        found = relation(database, name)
        at, inserted, updated, deleted, rollbacks, reset = database.one("continuity/counters", {"oid": found.oid})
        return Counters(at, inserted, updated, deleted, rollbacks, reset, found.oid)


def reading(database: Database, name: str, trail: Trail | None) -> tuple[Estimate, Trail]:
    """Take one more reading of a table.

    Args:
        database: the audited database, the primary: a standby's statistics are its own.
        name: the table, as in settings.
        trail: of the readings before; None at first.
    """
    now = counters(database, name)
    if trail is None or not now.continues(trail.last):
        return Estimate(0, 0, 0, 0, restarted=True), Trail(now, now)
    # Counted anew from the first reading: a transaction may commit changes with times from long before.
    captured = _captured(database, name, trail.first.at, now.at)
    surplus = now.written - trail.first.written - captured
    if now.at - trail.first.at > _SPAN and surplus < _ROWS:
        grown = Trail(now, now)
    else:
        grown = Trail(trail.first, now, captured, (*trail.surpluses, surplus)[-_READINGS:])
    estimate = Estimate(
        written=now.written - trail.last.written,
        captured=captured - trail.captured,
        surplus=surplus,
        rollbacks=now.rollbacks - trail.last.rollbacks,
        restarted=False,
    )
    return estimate, grown


def _captured(database: Database, name: str, since: datetime, until: datetime) -> int:
    with database.transaction(read_only=True):
        found = relation(database, name)
        statement = template("continuity/rows/captured_counts").format(
            audit=sql.Identifier(database.settings.audit_schema),
            named=recorded_as(found, "c"),
            since=sql.Literal(since),
            until=sql.Literal(until),
        )
        row = database.connection.execute(statement).fetchone()
    assert row is not None
    return sum(row)
