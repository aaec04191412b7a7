"""The inside of an `archive_then_purge` run: locks, guards, archive, verification, deletion."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from threadline_ops import progress
from threadline_ops.archive.account import Account, GatedResult
from threadline_ops.archive.events import DayVerified, PurgeEvent
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.look import looking_ahead
from threadline_ops.archive.manifest import Entry, newest
from threadline_ops.archive.purge import STATEMENTS, Purging, expired
from threadline_ops.archive.seal import Waiting
from threadline_ops.archive.session import Session, joined, writing
from threadline_ops.archive.verify import check, intact
from threadline_ops.database import opened
from threadline_ops.errors import ArchiveError
from threadline_ops.lock import RunLock, single_flight
from threadline_ops.retention import phases
from threadline_ops.retention.claims import claim_dry_run
from threadline_ops.retention.execution import OPERATION as RETENTION
from threadline_ops.retention.guards import check_role, findings, require_safe
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.pressure import Watch, budgets
from threadline_ops.retention.purge import deadline_of, paces_of
from threadline_ops.retention.scope import scope_of
from threadline_ops.retention.steps import settle
from threadline_ops.settings import Settings

OPERATION = "archive_then_purge"


@dataclass
class GatedRun:
    """One run; the operator's consent to delete is asked before `execute` is called."""

    settings: Settings
    policy: Policy
    cutoff: datetime | None
    wait: timedelta
    account: Account
    should_stop: Callable[[], bool]

    def preview(self) -> tuple[GatedResult, str]:
        """Count what would go by the archive as it is."""
        with opened(self.settings, OPERATION) as database:
            session = joined(self.settings, database)
            self.account.about(session)
            scope = scope_of(database, self.policy, database.now(), self.cutoff)
            work = phases.Work(self.policy, scope, self.account.tally, phases.Budget(0), lambda: None)
            gone = Ledger(database).purged(session.days.values())
            going = [
                part
                for entry in session.days.values()
                for part in expired(entry, work)
                if part.number not in gone[entry.sha256]
            ]
            rows = sum(part.rows for part in going)
            unarchived = tuple(session.pending(scope.until))
            claim_dry_run(self.account.recording, database)
            return GatedResult("dry_run", scope.cutoff, len(going), rows, 0, unarchived=unarchived), session.files.shown

    def execute(self) -> tuple[GatedResult, str]:
        """Locks, guards, archive, verification, deletion, certificate."""
        with (
            writing(self.settings, self.account.recording.run_id) as (session, _),
            single_flight(self.settings, RETENTION, run_id=self.account.recording.run_id) as lock,
        ):
            self.account.about(session)
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
            self.account.recording.statements = STATEMENTS
            self.account.recording.figures.update(batches=0, deleted_changes=0, deleted_transactions=0)
            now = database.now()
            cutoff = self.policy.cutoff(now, self.cutoff)
            self.account.recording.parameters.update(cutoff=cutoff)
            try:
                operation = self._operation(session, now, lock)
                result = progress.drive(operation, self.account.noted, should_stop=self.should_stop)
            finally:
                self.account.certify(database, cutoff)
            self.account.conclude(database, result)
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
            work = phases.Work(self.policy, scope, self.account.tally, budget, gate, hurried=lambda: watch.full_speed)
            entries = yield from self._read_back(session, work)
            pace = paces_of(self.policy, lambda: opened(self.settings, OPERATION), stack)[0]
            self.account.relied_on = tuple(entry.sha256 for entry in entries)
            purging = Purging(database, session.files, work, pace, self.account.recording.run_id)
            if not self.policy.gentle:
                parts = [part for entry in entries for part in expired(entry, work)]
                purging.ahead = stack.enter_context(looking_ahead(opened(self.settings, OPERATION), parts))
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
        tally = self.account.tally
        return GatedResult(
            outcome, cutoff, tally.batches, tally.changes, tally.transactions, tuple(purging.kept),
            tuple(purging.differing), unarchived, str(waiting) if waiting else None,
        )  # fmt: skip
