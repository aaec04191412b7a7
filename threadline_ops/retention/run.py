"""A whole purge run, the same from the command line and from Dagster: guards, lock, work, evidence."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.database import Database, opened
from threadline_ops.errors import PolicyError
from threadline_ops.lock import single_flight
from threadline_ops.retention import claims
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.preview import Preview, preview
from threadline_ops.retention.purge import STATEMENTS, BatchDeleted, PurgeResult, check_role, purge
from threadline_ops.settings import Settings

OPERATION = "retention_purge"

#: Between two progress lines of a run's log.
LOG_INTERVAL = timedelta(seconds=10)


@dataclass(frozen=True)
class PurgeRequest:
    """What one run is asked to do.

    Attributes:
        execute: delete; otherwise the run is dry.
        cutoff: an older cutoff than the policy's.
        batch_size: instead of the setting.
        max_batches: instead of the setting.
    """

    execute: bool = False
    cutoff: datetime | None = None
    batch_size: int | None = None
    max_batches: int | None = None

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "purge"]
        words += ["--execute"] if self.execute else []
        words += ["--cutoff", self.cutoff.isoformat()] if self.cutoff else []
        words += ["--batch-size", str(self.batch_size)] if self.batch_size is not None else []
        words += ["--max-batches", str(self.max_batches)] if self.max_batches is not None else []
        return shlex.join(words)


@dataclass(frozen=True)
class PurgeReport:
    """What a run did, for people and metadata.

    Attributes:
        run_id: of Dagster, or one made for the command line.
        mode: "dry_run" or "execute".
        preview: the counts of a dry run.
        result: the outcome of an executed run.
        seconds: wall time.
        evidence: the run's record; its log lies beside it.
    """

    run_id: str
    mode: str
    preview: Preview | None
    result: PurgeResult | None
    seconds: float
    evidence: Path
    log: Path


@dataclass
class _Progress:
    """Totals as last committed, kept so that an interrupted run can still say how far it came."""

    recording: evidence.Recording
    on_event: Callable[[BatchDeleted], None]
    largest_batch: int = 0
    throttle: progress.Throttle = field(default_factory=lambda: progress.Throttle(LOG_INTERVAL))

    def __call__(self, event: BatchDeleted) -> None:
        self.largest_batch = max(self.largest_batch, event.deleted_changes)
        self.recording.figures.update(
            batches=event.batch,
            deleted_changes=event.total_changes,
            deleted_transactions=event.total_transactions,
        )
        if self.throttle():
            self.recording.log(
                f"purge batch {event.batch}: deleted {event.deleted_changes} changes and "
                f"{event.deleted_transactions} transactions in {event.duration.total_seconds():.3f} s; "
                f"so far {event.total_changes} and {event.total_transactions}"
            )
        self.on_event(event)


def run_purge(
    settings: Settings,
    request: PurgeRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[BatchDeleted], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> PurgeReport:
    """Preview or purge once, under the operation's lock, leaving one evidence record whatever happens.

    Args:
        settings: the database, the policy and the evidence store.
        request: what this run is asked to do.
        run_id: Dagster's; made up when there is none.
        on_event: receives every batch, after its commit.
        should_stop: asked after every batch.
        echo: receives each line of the run's log as it is written.

    Raises:
        OpsError: the run was refused or failed; committed batches are kept.
        Interrupted: should_stop said so.
    """
    mode = "execute" if request.execute else "dry_run"
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode=mode, command=request.command(), echo=echo
    ) as recording:
        policy = _policy(settings, request, recording)
        recording.parameters.update(asdict(policy), cutoff=request.cutoff)
        if request.execute and not policy.enabled:
            raise PolicyError(
                "retention is disabled",
                got={"enabled": False},
                fix="set retention.enabled = true to allow purging",
            )
        with opened(settings, OPERATION) as database:
            recording.identity = identity = database.identity()
            recording.subject = claims.subject(policy, settings.database.audit_schema, identity)
            database.require_audit_schema()
            if request.execute:
                with single_flight(settings, OPERATION, run_id=recording.run_id) as lock:
                    result = _execute(
                        database,
                        policy,
                        request,
                        recording,
                        lock.check,
                        on_event=on_event,
                        should_stop=should_stop,
                    )
                seen = None
            else:
                result, seen = None, _dry_run(database, policy, request, recording)
    return PurgeReport(
        recording.run_id, mode, seen, result, recording.seconds, recording.record_path, recording.log_path
    )


def _policy(settings: Settings, request: PurgeRequest, recording: evidence.Recording) -> Policy:
    recording.expect(claims.DRY_RUN_FIRST, *((claims.BATCHES, claims.LOGS) if request.execute else ()))
    try:
        configured = Policy.from_settings(settings.retention)
    except PolicyError as error:
        recording.support(claims.CONFIG, ok=False, detail=error.what)
        raise
    claims.claim_policy(recording, configured)
    return Policy.from_settings(settings.retention, batch_size=request.batch_size, max_batches=request.max_batches)


def _dry_run(database: Database, policy: Policy, request: PurgeRequest, recording: evidence.Recording) -> Preview:
    seen = preview(database, policy, now=database.now(), cutoff=request.cutoff)
    recording.outcome = "dry_run"
    recording.parameters.update(cutoff=seen.cutoff)
    recording.statements = (
        "retention/row_security_off",
        "retention/count_expired_changes",
        "retention/count_touched_transactions",
    )
    recording.figures.update(asdict(seen))
    claims.claim_dry_run(recording, database)
    recording.log(
        f"dry run, nothing deleted: {seen.expired_changes} changes captured before "
        f"{seen.cutoff.isoformat()} are expired, {seen.emptied_transactions} transactions would become empty, "
        f"{seen.straddling_transactions} would lose a part, {seen.kept_changes} changes stay"
    )
    return seen


def _execute(
    database: Database,
    policy: Policy,
    request: PurgeRequest,
    recording: evidence.Recording,
    check_lock: Callable[[], None],
    *,
    on_event: Callable[[BatchDeleted], None],
    should_stop: Callable[[], bool],
) -> PurgeResult:
    check_role(database)
    now = database.now()
    cutoff = policy.cutoff(now, request.cutoff)
    recording.statements = STATEMENTS
    recording.parameters.update(cutoff=cutoff)
    recording.figures.update(batches=0, deleted_changes=0, deleted_transactions=0)
    recording.log(
        f"purging changes captured before {cutoff.isoformat()}, {policy.batch_size} a batch, "
        f"at most {policy.max_batches} batches"
    )
    work = purge(database, policy, now=now, execute=request.execute, cutoff=cutoff, before_batch=check_lock)
    noted = _Progress(recording, on_event)
    result = progress.drive(work, noted, should_stop=should_stop)
    recording.outcome = result.outcome
    recording.figures.update(asdict(result))
    claims.claim_purge(recording, policy, result, largest_batch=noted.largest_batch)
    recording.log(
        f"purge {result.outcome}: deleted {result.deleted_changes} changes and {result.deleted_transactions} "
        f"transactions in {result.batches} batches; {result.remaining_changes} expired changes remain"
    )
    return result
