"""Writing sealed days: files first, then the manifest, then the ledger; each step can be the last before a crash."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta

from threadline_ops.archive.draft import Draft, Drafting
from threadline_ops.archive.events import DayArchived, DayWritten, ManifestWritten, WriteEvent
from threadline_ops.archive.ledger import Ledger, Marks
from threadline_ops.archive.manifest import Entry, Manifest, name_of
from threadline_ops.archive.schema import SCHEMA, SCHEMA_VERSION
from threadline_ops.archive.seal import Blocker, Waiting, unsealed
from threadline_ops.archive.store import Files
from threadline_ops.database import Database, Identity
from threadline_ops.plain import plain
from threadline_ops.preflight.review import policy_sha256
from threadline_ops.settings import Settings

#: Between two looks at whether a day is sealed, in seconds.
LOOK = 0.5
#: Entries that the ledger learns of in one transaction.
RECORDED_TOGETHER = 16


@dataclass(frozen=True)
class Written:
    """What was archived.

    Attributes:
        entries: in the order of the chain.
        waiting: what keeps the other days from being sealed, if anything does.
    """

    entries: tuple[Entry, ...]
    waiting: Waiting | None = None


@dataclass
class Writer:
    """Writes days of one database into one archive; its caller holds the archive's lock.

    Attributes:
        settings: the database and the slices' size.
        database: for the ledger.
        files: the archive.
        identity: of the database.
        entries: of the chain; grows while days are written.
    """

    settings: Settings
    database: Database
    files: Files
    identity: Identity
    entries: list[Entry]
    stop: threading.Event = field(default_factory=threading.Event)
    marks: Marks = field(default_factory=lambda: Marks(()))
    _unrecorded: list[Entry] = field(default_factory=list[Entry])

    def write(self, days: Iterable[date], *, wait: timedelta) -> Generator[WriteEvent, None, Written]:
        """Archive days, each when it is sealed.

        Args:
            days: UTC, in order.
            wait: how long to wait for days that are not sealed.

        Raises:
            ArchiveError: rows were lost on the way.
            ExportError: the archive cannot be written.
        """
        self.marks = Ledger(self.database).marks(self.identity.system_identifier)
        wanted = deque(days)
        before = len(self.entries)
        waiting = yield from self._until_sealed(wanted, wait)
        drafting = Drafting(self.settings, self.files, self.identity, self.stop)
        with ThreadPoolExecutor(self.settings.export.readers) as pool:
            drafts: deque[Future[Draft | None]] = deque()
            try:
                while wanted or drafts:
                    # Only a little ahead, so that a crash leaves little that no manifest names.
                    while wanted and len(drafts) <= self.settings.export.readers:
                        drafts.append(self._submitted(pool, drafting, wanted.popleft()))
                    draft = drafts.popleft().result()
                    if draft is not None:
                        yield from self._publish(draft)
            finally:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                drafting.close()
                self._record()
        return Written(tuple(self.entries[before:]), waiting)

    def add(self, manifest: Manifest) -> Entry:
        """Publish an entry of the chain, and record it."""
        content = manifest.dump()
        self.files.publish(name_of(manifest.sequence), content)
        entry = Entry.of(content)
        self.entries.append(entry)
        return entry

    def next_place(self) -> tuple[int, str | None]:
        """The next entry's number, and the hash it names."""
        return len(self.entries) + 1, self.entries[-1].sha256 if self.entries else None

    def version(self, day: date) -> int:
        """The version that the day would get next."""
        return 1 + max((entry.manifest.version for entry in self.entries if entry.manifest.day == day), default=0)

    def _submitted(self, pool: ThreadPoolExecutor, drafting: Drafting, day: date) -> Future[Draft | None]:
        seal = self.marks.seal(day)
        assert seal is not None  # it was waited for
        return pool.submit(drafting.draft, day, self.version(day), seal)

    def _until_sealed(self, wanted: deque[date], wait: timedelta) -> Generator[Waiting, None, Waiting | None]:
        """Wait for the newest day, because the others are sealed no later; drop those that are not in the end."""
        began = time.monotonic()
        waiting = None
        while wanted and (blockers := self._unsealed(wanted[-1])) is not None:
            waited = time.monotonic() - began
            if waited >= wait.total_seconds():
                waiting = Waiting(wanted.pop(), blockers, waited)
                continue
            yield Waiting(wanted[-1], blockers, waited)
            self.stop.wait(min(LOOK, wait.total_seconds()))
        if waiting:
            yield waiting
        return waiting

    def _unsealed(self, day: date) -> tuple[Blocker, ...] | None:
        return unsealed(self.database, self.marks.seal(day))

    def _publish(self, draft: Draft) -> Generator[WriteEvent]:
        day, version = draft.day, draft.version
        yield DayWritten(day, version, draft.rows, len(draft.files))
        entry = self.add(self._manifest(draft))
        self._unrecorded.append(entry)
        yield ManifestWritten(day, version, entry.manifest.sequence)
        if len(self._unrecorded) >= RECORDED_TOGETHER:
            self._record()
        yield DayArchived(day, version, draft.rows, len(draft.slices), entry.sha256)

    def _record(self) -> None:
        """Tell the ledger; what a crash leaves out is told by the next run."""
        if self._unrecorded:
            Ledger(self.database).add(self._unrecorded)
            self._unrecorded.clear()

    def _manifest(self, draft: Draft) -> Manifest:
        sequence, previous = self.next_place()
        known = plain(asdict(self.identity))
        return Manifest(
            sequence=sequence,
            previous=previous,
            kind="day",
            day=draft.day,
            version=draft.version,
            database={name: known[name] for name in ("system_identifier", "timeline", "database", "server_version")},
            audit_schema=self.settings.database.audit_schema,
            snapshot=draft.snapshot,
            sealed={"at": draft.seal.at.isoformat(), "xmax": draft.seal.xmax},
            generated_at=datetime.now(UTC).isoformat(),
            redaction=policy_sha256(self.settings.capture),
            schema_version=SCHEMA_VERSION,
            columns={column.name: str(column.type) for column in SCHEMA},
            rows=draft.rows,
            size=sum(file.size for file in draft.files),
            tables=draft.tables,
            files=draft.files,
            slices=draft.slices,
        )
