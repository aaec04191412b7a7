"""The inside of an `archive_then_purge` run: locks, guards, archive, verification, deletion, certificate."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from threadline_ops import evidence, progress
from threadline_ops.archive.events import DayVerified, PurgeEvent, SliceDeleted, SliceDiffers, SliceKept
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.manifest import Entry, newest
from threadline_ops.archive.purge import STATEMENTS, Purging, expired
from threadline_ops.archive.run import told
from threadline_ops.archive.seal import Waiting
from threadline_ops.archive.session import Session, joined, writing
from threadline_ops.archive.verify import check, intact
from threadline_ops.database import Database, opened
from threadline_ops.errors import ArchiveError
from threadline_ops.lock import RunLock, single_flight
from threadline_ops.retention import claims, phases
from threadline_ops.retention.action import record_action
from threadline_ops.retention.certificate import certificate
from threadline_ops.retention.events import Paused, PurgeResult
from threadline_ops.retention.execution import OPERATION as RETENTION
from threadline_ops.retention.guards import check_role, findings, require_safe
from threadline_ops.retention.holds import active_holds
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.pressure import Watch, budgets
from threadline_ops.retention.purge import deadline_of, paces_of
from threadline_ops.retention.scope import scope_of
from threadline_ops.retention.steps import settle, settled
from threadline_ops.retention.tally import Tally
from threadline_ops.settings import Settings

OPERATION = "archive_then_purge"
LOG_INTERVAL = timedelta(seconds=10)


@dataclass(frozen=True)
class GatedResult:
    """What a run did, or would do.

    Attributes:
        outcome: "complete"; "capped" by max_batches or max_duration; "differs" when live rows were not what was
            archived; "waiting" when a day is not sealed; "dry_run".
        slices: slices that went; of a dry run, that would go.
        deleted_changes: of a dry run, that would go.
        kept: slices of which some changes must stay, and so all do.
        differing: slices that were rolled back, with the ids that differ.
        unarchived: expired days that are not archived.
    """

    outcome: str
    cutoff: datetime
    slices: int
    deleted_changes: int
    deleted_transactions: int
    kept: tuple[SliceKept, ...] = ()
    differing: tuple[SliceDiffers, ...] = ()
    unarchived: tuple[date, ...] = ()
    waiting: str | None = None


@dataclass
class GatedRun:
    """One run; the operator's consent to delete is asked before `execute` is called."""

    settings: Settings
    policy: Policy
    cutoff: datetime | None
    wait: timedelta
    recording: evidence.Recording
    on_event: Callable[[PurgeEvent], None]
    should_stop: Callable[[], bool]
    tally: Tally = field(default_factory=Tally)
    relied_on: tuple[str, ...] = ()
    throttle: progress.Throttle = field(default_factory=lambda: progress.Throttle(LOG_INTERVAL))

    def preview(self) -> tuple[GatedResult, str]:
        """Count what would go by the archive as it is."""
        with opened(self.settings, OPERATION) as database:
            session = joined(self.settings, database)
            self._about(session)
            scope = scope_of(database, self.policy, database.now(), self.cutoff)
            work = phases.Work(self.policy, scope, self.tally, phases.Budget(0), lambda: None)
            gone = Ledger(database).purged(session.days.values())
            going = [
                part
                for entry in session.days.values()
                for part in expired(entry, work)
                if part.number not in gone[entry.sha256]
            ]
            rows = sum(part.rows for part in going)
            unarchived = tuple(session.pending(scope.until))
            return GatedResult("dry_run", scope.cutoff, len(going), rows, 0, unarchived=unarchived), session.files.shown

    def execute(self) -> tuple[GatedResult, str]:
        """Locks, guards, archive, verification, deletion, certificate."""
        with (
            writing(self.settings, self.recording.run_id) as (session, _),
            single_flight(self.settings, RETENTION, run_id=self.recording.run_id) as lock,
        ):
            self._about(session)
            database = session.database
            check_role(database)
            retention = self.settings.retention
            require_safe(
                findings(
                    database,
                    allowed_publications=retention.allowed_publications,
                    keep_current=self.policy.keep_current,
                )
            )
            self.recording.statements = STATEMENTS
            self.recording.figures.update(batches=0, deleted_changes=0, deleted_transactions=0)
            now = database.now()
            cutoff = self.policy.cutoff(now, self.cutoff)
            self.recording.parameters.update(cutoff=cutoff)
            try:
                operation = self._operation(session, now, lock)
                result = progress.drive(operation, self._noted, should_stop=self.should_stop)
            finally:
                self._certify(database, cutoff)
            self._record_action(database, result)
            return result, session.files.shown

    def _operation(self, session: Session, now: datetime, lock: RunLock) -> Generator[PurgeEvent, None, GatedResult]:
        database = session.database
        scope = scope_of(database, self.policy, now, self.cutoff)
        # The day that the cutoff lies in as well: its first slices may be expired.
        pending = session.pending(min(scope.until + timedelta(days=1), now))
        written = yield from session.archive(pending, wait=self.wait)
        session = joined(self.settings, database)
        session.require_own()
        with ExitStack() as stack:
            watching = stack.enter_context(opened(self.settings, OPERATION))
            watch = Watch(watching, budgets(self.settings.retention, self.policy))

            def gate() -> str | None:
                lock.check()
                return watch.reason()

            budget = phases.Budget(self.policy.max_batches, deadline_of(self.policy, now))
            work = phases.Work(self.policy, scope, self.tally, budget, gate, hurried=lambda: watch.full_speed)
            entries = yield from self._read_back(session, work)
            pace = paces_of(self.policy, lambda: opened(self.settings, OPERATION), stack)[0]
            self.relied_on = tuple(entry.sha256 for entry in entries)
            purging = Purging(database, session.files, work, pace, self.recording.run_id)
            yield from purging.run(entries)
        settle(session.database)
        unarchived = tuple(day for day in session.pending(scope.until, again=False))
        return self._result(scope.cutoff, purging, unarchived, written.waiting)

    def _read_back(self, session: Session, work: phases.Work) -> Generator[PurgeEvent, None, list[Entry]]:
        """The days to purge, every file of them read back before the first row goes.

        Raises:
            ArchiveError: a file is not what was written; nothing was deleted.
        """
        ledger = Ledger(session.database)
        entries = [entry for entry in newest(session.chain.entries).values() if expired(entry, work)]
        gone = ledger.purged(entries)
        for entry in entries:
            if all(part.number in gone[entry.sha256] for part in expired(entry, work)):
                continue
            manifest = entry.manifest
            if session.verified(entry):
                # The digests were computed from these very bytes once: that they are the same says the rest.
                for file in manifest.files:
                    intact(session.files, manifest, file)
            elif problems := check(session.files, manifest):
                raise ArchiveError(
                    f"the archive of {manifest.day} does not verify: {problems[0]}",
                    fix="restore it, or archive the day again with --again; nothing was deleted",
                )
            else:
                ledger.set_verified(entry.sha256)
            yield DayVerified(manifest.day, manifest.version, manifest.rows, ())
        return entries

    def _noted(self, event: PurgeEvent) -> None:
        match event:
            case SliceDeleted():
                self.recording.figures.update(
                    batches=self.tally.batches,
                    deleted_changes=self.tally.changes,
                    deleted_transactions=self.tally.transactions,
                )
                if self.throttle():
                    self.recording.log(
                        f"deleted slice {event.slice} of {event.day}: {event.deleted_changes} changes; so far "
                        f"{event.total_changes}"
                    )
            case SliceDiffers():
                self.recording.log(f"rolled back: {event}")
                self.recording.finding("ARCHIVE", f"{event.day}", f"slice {event.slice} of {event.day} differs", "P0")
            case SliceKept():
                self.recording.log(f"kept slice {event.slice} of {event.day}: {event.changes} of its changes must stay")
            case DayVerified():
                self.recording.log(f"read back {event.day} v{event.version}: {event.rows} changes")
            case Paused():
                pass
            case _:
                told(self.recording, event)
        self.on_event(event)

    def _result(
        self, cutoff: datetime, purging: Purging, unarchived: tuple[date, ...], waiting: Waiting | None
    ) -> GatedResult:
        outcome = "complete"
        for name, true in (
            ("waiting", waiting or unarchived),
            ("capped", purging.capped),
            ("differs", purging.differing),
        ):
            outcome = name if true else outcome
        return GatedResult(
            outcome, cutoff, self.tally.batches, self.tally.changes, self.tally.transactions, tuple(purging.kept),
            tuple(purging.differing), unarchived, str(waiting) if waiting else None,
        )  # fmt: skip

    def _about(self, session: Session) -> None:
        self.recording.identity = session.identity
        self.recording.subject = claims.subject(self.policy, self.settings.database.audit_schema, session.identity)
        self.recording.parameters.update(location=session.files.shown)

    def _certify(self, database: Database, cutoff: datetime) -> None:
        """Whatever the end: what is gone is certified, from the counts as committed."""
        body = certificate(
            self.recording.run_id,
            self.policy,
            cutoff,
            self.tally,
            active_holds(database),
            settled=settled(database),
            identity=self.recording.identity,
            archives=self.relied_on,
        )
        self.recording.figures.update(
            batches=self.tally.batches,
            deleted_changes=self.tally.changes,
            deleted_transactions=self.tally.transactions,
            certificate=body,
        )

    def _record_action(self, database: Database, result: GatedResult) -> None:
        if self.tally.batches and self.settings.retention.record_action:
            done = PurgeResult(
                result.cutoff, self.tally.changes, self.tally.transactions, self.tally.batches, "complete", 0
            )
            self.recording.figures["action_id"] = record_action(database, self.recording.run_id, done)
