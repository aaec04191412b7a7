"""The purge of the archive: each batch is one slice of a verified manifest, and commits only if it is the same."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from threadline_ops.archive import differences
from threadline_ops.archive.events import PurgeEvent, SliceDeleted, SliceDiffers, SliceKept
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.look import Ahead, Look, Versions, look
from threadline_ops.archive.manifest import Entry
from threadline_ops.archive.slices import Slice
from threadline_ops.archive.store import Files
from threadline_ops.database import Database
from threadline_ops.errors import Busy
from threadline_ops.retention import phases
from threadline_ops.retention.pace import Pace
from threadline_ops.retention.steps import Disturbed, begin, deleted_so_far, undisturbed

#: What runs against the audit tables; evidence quotes these files by hash.
STATEMENTS = (
    "retention/turn",
    "retention/deleted_so_far",
    "archive/look_slice",
    "archive/slice_kept",
    "archive/delete_slice",
    "retention/where/expired_by_table",
    "retention/where/not_held",
    "retention/where/transaction_held",
    "retention/where/not_current",
)


class _Different(Exception):
    """The slice is not what was archived; its deletion is undone."""


@dataclass(frozen=True)
class _Deleted:
    tables: list[dict[str, Any]]
    emptied: int
    duration: timedelta


@dataclass
class Purging:
    """One run's deletions; its caller holds the locks, and has verified the entries.

    Attributes:
        database: the audited one.
        files: the archive, for reports.
        work: the retention's rules, budget and totals.
        pace: how gently.
        run_id: noted with each slice that goes.
        ahead: looks at slices before they are asked for.
        kept: slices of which some changes must stay.
        differing: slices that are not what was archived.
        capped: whether the budget ended the run.
    """

    database: Database
    files: Files
    work: phases.Work
    pace: Pace
    run_id: str
    ahead: Ahead | None = None
    kept: list[SliceKept] = field(default_factory=list[SliceKept])
    differing: list[SliceDiffers] = field(default_factory=list[SliceDiffers])
    capped: bool = False

    def run(self, entries: Sequence[Entry]) -> Generator[PurgeEvent]:
        """Delete the expired slices of these days, oldest first."""
        gone = Ledger(self.database).purged(entries)
        for entry in entries:
            yield from self._day(entry, gone[entry.sha256])
            if self.capped:
                return

    def _day(self, entry: Entry, gone: set[int]) -> Generator[PurgeEvent]:
        for part in expired(entry, self.work):
            if part.number in gone:
                if self._live(part.bounds):
                    yield self._differing(entry, part, gone=True)
                    return
                continue
            yield from phases.waited(self.work)
            if self.work.stopping.is_set() or not self.work.budget.take():
                self.capped = True
                return
            try:
                done = yield from self._patiently(entry, part)
            except _Different:
                yield self._differing(entry, part, gone=False)
                return
            if isinstance(done, SliceKept):
                self.kept.append(done)
                self.work.budget.give_back()
                yield done
                continue
            total = self.work.tally.batch(done.tables, done.emptied, done.duration)
            self.pace.observe(total.deleted_changes, done.duration.total_seconds())
            yield SliceDeleted(
                entry.manifest.day, part.number, total.deleted_changes, done.emptied, total.total_changes,
                total.total_transactions,
            )  # fmt: skip
            yield from phases.rested(self.work, self.pace)

    def _differing(self, entry: Entry, part: Slice, *, gone: bool) -> SliceDiffers:
        found = differences.report(self.database, self.files, entry, part, self.run_id, gone=gone)
        Ledger(self.database).set_again(entry.sha256, f"slice {part.number} differed from the live rows")
        self.differing.append(found)
        return found

    def _live(self, bounds: dict[str, str]) -> bool:
        with self.database.transaction(read_only=True):
            return self.database.one("archive/live_in_range", bounds)[0]

    def _patiently(self, entry: Entry, part: Slice) -> Generator[PurgeEvent, None, _Deleted | SliceKept]:
        """One slice; a lock or a time limit is waited out a few times, because a slice cannot be smaller."""
        for attempt in range(phases.PATIENCE + 1):
            try:
                with self.pace.step():
                    return undisturbed(lambda: self._attempt(entry, part))
            except Busy as busy:
                if attempt == phases.PATIENCE:
                    raise
                self.work.stopping.wait(phases.ANNOUNCED_REST)
                yield self.work.tally.paused(busy.what, timedelta(seconds=phases.ANNOUNCED_REST))
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, entry: Entry, part: Slice) -> _Deleted | SliceKept:
        """One look and one deletion."""
        started = time.monotonic()
        looked = self._looked(part)
        with self.database.transaction():
            before, holds = begin(self.database)
            if staying := self._staying(part, holds=holds):
                return SliceKept(entry.manifest.day, part.number, staying, part.rows - staying)
            if looked.measure != part.measure:
                raise _Different
            emptied = self._delete(entry, part, looked, before)
        return _Deleted(looked.tables, emptied, timedelta(seconds=time.monotonic() - started))

    def _looked(self, part: Slice) -> Look:
        """A look that was made ahead, if it found what was archived; a difference may have passed since."""
        found = self.ahead.take(part) if self.ahead else None
        return found if found and found.measure == part.measure else look(self.database, part)

    def _delete(self, entry: Entry, part: Slice, looked: Look, before: int) -> int:
        """How many transactions went; raises unless exactly what was looked at went, and nothing else."""
        noted = {"manifest": entry.sha256, "slice": part.number, "rows": part.rows, "run_id": self.run_id}
        *versions, emptied = self.database.one("archive/delete_slice", part.bounds | noted | {"places": looked.places})
        if Versions(*versions) != looked.versions:
            raise Disturbed
        if emptied and deleted_so_far(self.database)[0] - before != looked.versions.changes:
            raise Disturbed
        return emptied

    def _staying(self, part: Slice, *, holds: bool) -> int:
        scope = self.work.scope
        if not (scope.keeps_some(holds=holds) or scope.windows):
            return 0
        statement = scope.statement(self.database, "archive/slice_kept", holds=holds)
        row = self.database.connection.execute(statement, scope.parameters | part.bounds).fetchone()
        return 0 if row is None else int(row[0])


def expired(entry: Entry, work: phases.Work) -> list[Slice]:
    """The slices that lie before the cutoff as a whole, by key, not by their number."""
    return [part for part in entry.manifest.slices if part.ends < work.scope.until]
