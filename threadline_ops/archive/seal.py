"""A day is sealed when every transaction that ran at some moment after its end has finished.

captured_at is the clock at the write, so a transaction that is still open, or prepared, can commit changes into a day
that is long over. No delay is long enough for that; ids of transactions are. A mark notes, at a moment after the day,
the id that the next transaction will get. Whoever gets that id or a later one writes after the moment; so once all ids
below it have ended, nothing can be added to the day any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from threadline_ops.archive.ledger import Seal
from threadline_ops.database import Database


@dataclass(frozen=True)
class Blocker:
    """A transaction that may still add to the day.

    Attributes:
        pid: of its session; None for a prepared one.
        gid: of a prepared transaction.
        age: since it began, or was prepared; None where this role may not know.
    """

    pid: int | None
    gid: str | None
    age: timedelta | None

    def __str__(self) -> str:
        who = f"prepared transaction {self.gid!r}" if self.pid is None else f"pid {self.pid}"
        return who if self.age is None else f"{who}, open for {self.age.total_seconds():.0f} s"


@dataclass(frozen=True)
class Waiting:
    """A day is not sealed yet.

    Attributes:
        day: the newest one that waits.
        blockers: who keeps it open; empty where the server does not show them.
        seconds: how long the run has waited so far.
    """

    day: date
    blockers: tuple[Blocker, ...]
    seconds: float

    def __str__(self) -> str:
        who = "; ".join(map(str, self.blockers)) or "a transaction that this role cannot see"
        return f"{self.day} is not sealed: {who}"


def unsealed(database: Database, seal: Seal | None) -> tuple[Blocker, ...] | None:
    """Who may still add to a day, by its seal; None when it is sealed."""
    if seal is None:
        return ()
    with database.transaction(read_only=True) as connection:
        if sees_all(database, seal):
            return None
        rows = connection.execute(database.statement("archive/blockers"), {"xmax": seal.xmax}).fetchall()
    return tuple(Blocker(pid, gid, None if age is None else timedelta(seconds=age)) for pid, gid, age in rows)


def sees_all(database: Database, seal: Seal) -> bool:
    """Whether everything below the mark has ended, as the snapshot of the transaction at hand sees it."""
    return reached(database.one("archive/oldest_open")[0], seal)


def reached(oldest: int, seal: Seal) -> bool:
    """Whether a snapshot's xmin says that everything below the mark has ended."""
    return oldest >= seal.xmax
