"""What an `archive_then_purge` run leaves in writing: log, figures, certificate, action, and claims for the backlog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from threadline_ops import evidence, progress
from threadline_ops.archive.events import DayVerified, PurgeEvent, SliceDeleted, SliceDiffers, SliceKept
from threadline_ops.archive.run import told
from threadline_ops.archive.session import Session
from threadline_ops.database import Database
from threadline_ops.retention import claims
from threadline_ops.retention.action import record_action
from threadline_ops.retention.certificate import certificate
from threadline_ops.retention.events import Paused, PurgeResult
from threadline_ops.retention.holds import active_holds
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.steps import settled
from threadline_ops.retention.tally import Tally
from threadline_ops.settings import Settings

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
class Account:
    """The written side of one run."""

    settings: Settings
    policy: Policy
    recording: evidence.Recording
    on_event: Callable[[PurgeEvent], None]
    tally: Tally = field(default_factory=Tally)
    largest: int = 0
    relied_on: tuple[str, ...] = ()
    throttle: progress.Throttle = field(default_factory=lambda: progress.Throttle(LOG_INTERVAL))

    def about(self, session: Session) -> None:
        """Note which database and archive the run is about."""
        self.recording.identity = session.identity
        self.recording.subject = claims.subject(self.policy, self.settings.database.audit_schema, session.identity)
        self.recording.parameters.update(location=session.files.shown)

    def noted(self, event: PurgeEvent) -> None:
        """Note an event, and hand it on."""
        match event:
            case SliceDeleted():
                self.largest = max(self.largest, event.deleted_changes)
                self._count()
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

    def certify(self, database: Database, cutoff: datetime) -> None:
        """Whatever the end: what is gone is certified, from the counts as committed."""
        self._count()
        self.recording.figures["certificate"] = certificate(
            self.recording.run_id,
            self.policy,
            cutoff,
            self.tally,
            active_holds(database),
            settled=settled(database),
            identity=self.recording.identity,
            archives=self.relied_on,
        )

    def conclude(self, database: Database, result: GatedResult) -> None:
        """The run came to its own end: record it as an action, and claim what it showed."""
        done = PurgeResult(
            result.cutoff,
            self.tally.changes,
            self.tally.transactions,
            self.tally.batches,
            "complete" if result.outcome == "complete" and not result.kept else "capped",
            sum(kept.others for kept in result.kept),
        )
        if self.tally.batches and self.settings.retention.record_action:
            self.recording.figures["action_id"] = record_action(database, self.recording.run_id, done)
        claims.claim_purge(
            self.recording, self.policy, done, largest_batch=self.largest, allowed=self.settings.archive.slice_rows
        )

    def close(self, result: GatedResult) -> None:
        """The last figures and the last line."""
        self.recording.outcome = result.outcome
        self.recording.figures.update(
            outcome=result.outcome, slices=result.slices, deleted_changes=result.deleted_changes,
            deleted_transactions=result.deleted_transactions, kept_slices=len(result.kept),
            differing=[one.report for one in result.differing], unarchived_days=len(result.unarchived),
        )  # fmt: skip
        self.recording.log(
            f"archive purge {result.outcome}: {result.deleted_changes} changes in {result.slices} slices, "
            f"{len(result.kept)} slices kept, {len(result.differing)} differ, {len(result.unarchived)} expired days "
            "are not archived"
        )

    def _count(self) -> None:
        self.recording.figures.update(
            batches=self.tally.batches,
            deleted_changes=self.tally.changes,
            deleted_transactions=self.tally.transactions,
        )
