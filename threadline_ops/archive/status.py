"""Where the archive stands: what is archived, what waits, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.seal import unsealed
from threadline_ops.archive.session import Session, joined
from threadline_ops.database import Database
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Day:
    """One archived day.

    Attributes:
        verified: whether its files were read back.
        purged: slices that went.
        again: whether its live rows were found to differ, so that it wants another version.
    """

    day: date
    version: int
    rows: int
    size: int
    slices: int
    purged: int
    verified: bool
    again: bool


@dataclass(frozen=True)
class Status:
    """The archive at a glance; reading it writes nothing.

    Attributes:
        pending: days that are over and want to be archived.
        waiting: why the newest of them is not sealed; None when it is, or when nobody has looked since it ended.
        own: whether the archive was written from this very cluster, or one that archive.same_as names.
    """

    location: str
    entries: int
    days: tuple[Day, ...]
    pending: tuple[date, ...]
    waiting: tuple[str, ...]
    own: bool
    problems: tuple[Problem, ...]


def status(settings: Settings, database: Database) -> Status:
    """Look at the archive and at what waits."""
    session = joined(settings, database)
    ledger = Ledger(database)
    pending = session.pending(database.now())
    sysid = session.identity.system_identifier
    blockers = unsealed(database, ledger.marks(sysid).seal(pending[-1])) if pending else None
    related = (sysid, *settings.archive.same_as)
    return Status(
        session.files.shown,
        len(session.chain.entries),
        tuple(_days(session, ledger)),
        tuple(pending),
        tuple(map(str, blockers or ())),
        all(entry.manifest.database["system_identifier"] in related for entry in session.chain.entries),
        session.chain.problems,
    )


def _days(session: Session, ledger: Ledger) -> list[Day]:
    gone = ledger.purged(session.days.values())
    found: list[Day] = []
    for day, entry in session.days.items():
        manifest = entry.manifest
        found.append(
            Day(
                day, manifest.version, manifest.rows, manifest.size, len(manifest.slices), len(gone[entry.sha256]),
                session.verified(entry), session.wants_again(entry),
            )
        )  # fmt: skip
    return found
