"""An executed run: guards, lock, work, and what is left in writing about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from threadline_ops import evidence, progress
from threadline_ops.database import Database, opened
from threadline_ops.lock import RunLock, single_flight
from threadline_ops.retention import claims
from threadline_ops.retention.action import record_action
from threadline_ops.retention.certificate import certificate
from threadline_ops.retention.events import (
    ActionsDeleted,
    BatchDeleted,
    PartitionDropped,
    Paused,
    PurgeEvent,
    PurgeResult,
    RangeSwept,
)
from threadline_ops.retention.guards import check_role, findings, require_safe
from threadline_ops.retention.holds import active_holds
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.pressure import Watch, budgets
from threadline_ops.retention.purge import STATEMENTS, purge
from threadline_ops.retention.steps import settled
from threadline_ops.retention.tally import Tally
from threadline_ops.settings import Settings

OPERATION = "retention_purge"

#: Between two progress lines of a run's log.
LOG_INTERVAL = timedelta(seconds=10)


@dataclass
class _Progress:
    """Keeps the record's totals up to date, and the log short."""

    recording: evidence.Recording
    on_event: Callable[[PurgeEvent], None]
    largest_batch: int = 0
    throttles: dict[type, progress.Throttle] = field(default_factory=dict[type, progress.Throttle])

    def __call__(self, event: PurgeEvent) -> None:
        if isinstance(event, BatchDeleted):
            self.largest_batch = max(self.largest_batch, event.deleted_changes)
        self.recording.figures.update(
            batches=event.batch, deleted_changes=event.total_changes, deleted_transactions=event.total_transactions
        )
        # Each dropped partition is worth its line: there are few, and each is many changes.
        if isinstance(event, PartitionDropped) or self._passes(event):
            self.recording.log(_line(event))
        self.on_event(event)

    def _passes(self, event: PurgeEvent) -> bool:
        return self.throttles.setdefault(type(event), progress.Throttle(LOG_INTERVAL))()


def _line(event: PurgeEvent) -> str:
    seconds = f"{event.duration.total_seconds():.3f} s"
    so_far = f"so far {event.total_changes} and {event.total_transactions}"
    match event:
        case BatchDeleted():
            return (
                f"purge batch {event.batch}: deleted {event.deleted_changes} changes and "
                f"{event.deleted_transactions} transactions in {seconds}; {so_far}"
            )
        case RangeSwept():
            return f"swept {event.blocks} blocks: deleted {event.deleted_transactions} in {seconds}; {so_far}"
        case PartitionDropped():
            return f"dropped {event.partition} with {event.deleted_changes} changes in {seconds}; {so_far}"
        case ActionsDeleted():
            return f"deleted {event.deleted_actions} actions without a transaction in {seconds}; {so_far}"
        case Paused():
            return f"paused {seconds}: {event.reason}; {so_far}"


@dataclass(frozen=True)
class Execution:
    """One executed run.

    The operator's consent is asked before one is made: it always deletes.
    """

    settings: Settings
    policy: Policy
    recording: evidence.Recording
    database: Database
    requested_cutoff: datetime | None = None

    def run(self, on_event: Callable[[PurgeEvent], None], should_stop: Callable[[], bool]) -> PurgeResult:
        """Guards, lock, work, and what is left in writing about it."""
        with single_flight(self.settings, OPERATION, run_id=self.recording.run_id) as lock:
            check_role(self.database, delete_actions=self.policy.delete_actions)
            retention = self.settings.retention
            require_safe(
                findings(
                    self.database,
                    allowed_publications=retention.allowed_publications,
                    keep_current=self.policy.keep_current,
                    delete_actions=self.policy.delete_actions,
                )
            )
            now = self.database.now()
            cutoff = self.policy.cutoff(now, self.requested_cutoff)
            self._announce(cutoff)
            tally = Tally()
            noted = _Progress(self.recording, on_event)
            try:
                result = self._purge(now, tally, lock, noted, should_stop)
            finally:
                self._certify(cutoff, tally)
            if tally.batches and retention.record_action:
                self.recording.figures["action_id"] = record_action(self.database, self.recording.run_id, result)
        claims.claim_purge(self.recording, self.policy, result, largest_batch=noted.largest_batch)
        return self._conclude(result)

    def _announce(self, cutoff: datetime) -> None:
        self.recording.statements = STATEMENTS
        self.recording.parameters.update(cutoff=cutoff)
        self.recording.figures.update(batches=0, deleted_changes=0, deleted_transactions=0)
        self.recording.log(
            f"purging changes captured before {cutoff.isoformat()}, {self.policy.batch_size} a batch, "
            f"at most {self.policy.max_batches} batches"
        )

    def _purge(
        self,
        now: datetime,
        tally: Tally,
        lock: RunLock,
        noted: _Progress,
        should_stop: Callable[[], bool],
    ) -> PurgeResult:
        with opened(self.settings, OPERATION) as watching:
            watch = Watch(watching, budgets(self.settings.retention, self.policy))

            def gate() -> str | None:
                lock.check()
                return watch.reason()

            work = purge(
                self.database,
                self.policy,
                now=now,
                execute=True,
                cutoff=self.requested_cutoff,
                before_batch=gate,
                tally=tally,
                connect=lambda: opened(self.settings, OPERATION),
                direct=lambda: opened(self.settings, OPERATION, direct=True),
                sized=lambda: watch.batch_size,
                hurried=lambda: watch.full_speed,
            )
            return progress.drive(work, noted, should_stop=should_stop)

    def _certify(self, cutoff: datetime, tally: Tally) -> None:
        """Whatever the end: what is gone is certified, from the counts as committed."""
        self.recording.figures.update(
            batches=tally.batches,
            deleted_changes=tally.changes,
            deleted_transactions=tally.transactions,
            certificate=certificate(
                self.recording.run_id,
                self.policy,
                cutoff,
                tally,
                active_holds(self.database),
                identity=self.recording.identity,
                settled=settled(self.database),
            ),
        )

    def _conclude(self, result: PurgeResult) -> PurgeResult:
        self.recording.outcome = result.outcome
        self.recording.figures.update(asdict(result))
        if result.by_rows:
            self.recording.log(f"partitions were purged by rows, which is slower: {result.by_rows}")
        self.recording.log(
            f"purge {result.outcome}: deleted {result.deleted_changes} changes and {result.deleted_transactions} "
            f"transactions in {result.batches} batches; {result.remaining_changes} expired changes remain, "
            f"{result.held_changes} more are held or current"
        )
        return result
