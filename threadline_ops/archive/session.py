"""An archive and its database, opened together for one run."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from threadline_ops.archive import chain as chains
from threadline_ops.archive.chain import Chain
from threadline_ops.archive.draft import OPERATION
from threadline_ops.archive.events import WriteEvent
from threadline_ops.archive.ledger import Known, Ledger
from threadline_ops.archive.manifest import Entry, newest
from threadline_ops.archive.publishing import publish
from threadline_ops.archive.slices import day_start
from threadline_ops.archive.store import Files, files_of
from threadline_ops.archive.write import Writer, Written
from threadline_ops.database import Database, Identity, opened
from threadline_ops.export.plan import require_columns
from threadline_ops.lock import RunLock, single_flight
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Session:
    """What a run works with.

    Attributes:
        known: the ledger's entries, as they were when the session was opened.
        chain: as it lies in the store.
    """

    settings: Settings
    database: Database
    files: Files
    identity: Identity
    known: Mapping[int, Known]
    chain: Chain

    @property
    def days(self) -> dict[date, Entry]:
        """The newest version of each day."""
        return newest(self.chain.entries)

    def require_own(self) -> None:
        """Refuse to go on with a broken chain, or with another database's.

        Raises:
            ArchiveError: what is wrong, and what to do.
        """
        self.chain.require_intact()
        self.chain.require_related(self.identity, self.settings.database.audit_schema, self.settings.archive.same_as)

    def writer(self) -> Writer:
        """What adds to the chain."""
        return Writer(self.settings, self.database, self.files, self.identity, list(self.chain.entries))

    def archive(self, days: list[date], *, wait: timedelta) -> Generator[WriteEvent, None, Written]:
        """Write days as `Writer.write` does, and publish the archive as it is then."""
        writer = self.writer()
        written = yield from writer.write(days, wait=wait)
        yield from publish(self.settings, self.files, writer.entries)
        return written

    def pending(self, until: datetime, *, again: bool = True) -> list[date]:
        """Days before a time, as a whole, that hold changes and want to be archived.

        Args:
            until: aware; the day it lies in does not count.
            again: also days whose live rows were found to differ from their archive.
        """
        values = {"from": "-infinity", "until": day_start(until.date())}
        with self.database.transaction(read_only=True, statement_timeout_ms=0) as connection:
            found = connection.execute(self.database.statement("archive/days"), values).fetchall()
        held = self.days
        return [row[0] for row in found if row[0] not in held or (again and self.wants_again(held[row[0]]))]

    def wants_again(self, entry: Entry) -> bool:
        """Whether the live rows were found to differ from this entry."""
        known = self.known.get(entry.manifest.sequence)
        return known is not None and known.again is not None

    def verified(self, entry: Entry) -> bool:
        """Whether this very manifest's files were read back before."""
        known = self.known.get(entry.manifest.sequence)
        return known is not None and known.sha256 == entry.sha256 and known.verified_at is not None


def joined(settings: Settings, database: Database) -> Session:
    """The archive as this database finds it."""
    files = files_of(settings)
    known = Ledger(database).entries()
    return Session(settings, database, files, database.identity(), known, chains.load(files, known))


@contextmanager
def writing(settings: Settings, run_id: str) -> Generator[tuple[Session, RunLock]]:
    """An archive that only this run adds to, with its ledger in place and caught up.

    Raises:
        LockHeld: another run is writing.
        ArchiveError: the chain is broken, or another database's.
        UnsafeDatabase: a standby; what it has not replayed yet would be missing.
    """
    with opened(settings, OPERATION) as database:
        database.require_writable()
        require_columns(database)
        with single_flight(settings, OPERATION, run_id=run_id) as lock:
            ledger = Ledger(database)
            joined(settings, database).require_own()
            ledger.install()
            found = joined(settings, database)
            found.require_own()
            ledger.mark(found.identity.system_identifier)
            ledger.add(entry for entry in found.chain.entries if entry.manifest.sequence not in found.known)
            yield joined(settings, database), lock
