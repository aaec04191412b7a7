"""A whole purge run, the same from the command line and from Dagster: policy, dry run or execution, evidence."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from threadline_ops import evidence
from threadline_ops.database import Database, opened
from threadline_ops.errors import PolicyError
from threadline_ops.retention import claims
from threadline_ops.retention.events import PurgeEvent, PurgeResult
from threadline_ops.retention.execution import OPERATION, Execution
from threadline_ops.retention.foresight import rate_of
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.preview import READ_WITH, Preview, preview
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class PurgeRequest:
    """What one run is asked to do.

    Attributes:
        execute: delete; otherwise the run is dry.
        cutoff: an older cutoff than the policy's.
        batch_size: instead of the setting.
        max_batches: instead of the setting.
        workers: instead of the setting.
        full_speed: do not give way to writers, whatever the setting says.
    """

    execute: bool = False
    cutoff: datetime | None = None
    batch_size: int | None = None
    max_batches: int | None = None
    workers: int | None = None
    full_speed: bool = False

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "purge"]
        words += ["--execute"] if self.execute else []
        words += ["--cutoff", self.cutoff.isoformat()] if self.cutoff else []
        words += ["--batch-size", str(self.batch_size)] if self.batch_size is not None else []
        words += ["--max-batches", str(self.max_batches)] if self.max_batches is not None else []
        words += ["--workers", str(self.workers)] if self.workers is not None else []
        words += ["--full-speed"] if self.full_speed else []
        return shlex.join(words)

    def policy(self, settings: Settings) -> Policy:
        """The configured policy, with what this run asks otherwise."""
        return Policy.from_settings(
            settings.retention,
            batch_size=self.batch_size,
            max_batches=self.max_batches,
            workers=self.workers,
            full_speed=self.full_speed,
        )


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


def run_purge(
    settings: Settings,
    request: PurgeRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[PurgeEvent], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> PurgeReport:
    """Preview or purge once, under the operation's lock, leaving one evidence record whatever happens.

    Args:
        settings: the database, the policy and the evidence store.
        request: what this run is asked to do.
        run_id: Dagster's; made up when there is none.
        on_event: receives every batch, range and rest, after its commit.
        should_stop: asked after every event.
        echo: receives each line of the run's log as it is written.

    Raises:
        OpsError: the run was refused or failed; committed batches are kept.
        Interrupted: should_stop said so.
    """
    mode = "execute" if request.execute else "dry_run"
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode=mode, command=request.command(), echo=echo
    ) as recording:
        claims.configured(recording, settings.retention, execute=request.execute)
        policy = request.policy(settings)
        recording.parameters.update(claims.parameters(policy), cutoff=request.cutoff)
        if request.execute and not policy.enabled:
            raise PolicyError(
                "retention is disabled",
                got={"enabled": False},
                fix="set retention.enabled = true to allow purging",
            )
        if request.execute:
            policy.require_ungated()
        with opened(settings, OPERATION) as database:
            recording.identity = identity = database.identity()
            recording.subject = claims.subject(policy, settings.database.audit_schema, identity)
            database.require_audit_schema()
            seen = result = None
            if request.execute:
                result = Execution(settings, policy, recording, database, request.cutoff).run(on_event, should_stop)
            else:
                seen = _dry_run(settings, database, policy, request, recording)
    return PurgeReport(
        recording.run_id, mode, seen, result, recording.seconds, recording.record_path, recording.log_path
    )


def _dry_run(
    settings: Settings, database: Database, policy: Policy, request: PurgeRequest, recording: evidence.Recording
) -> Preview:
    rate = rate_of(recording.store, database.identity(), policy, OPERATION)
    with opened(settings, OPERATION, direct=True) as direct:
        seen = preview(database, policy, now=database.now(), cutoff=request.cutoff, direct=direct, rate=rate)
    recording.outcome = "dry_run"
    recording.parameters.update(cutoff=seen.cutoff)
    recording.statements = READ_WITH
    recording.figures.update(asdict(seen))
    claims.claim_dry_run(recording, database)
    recording.log(
        f"dry run, nothing deleted: {seen.expired_changes} changes captured before "
        f"{seen.cutoff.isoformat()} are expired, {seen.emptied_transactions} transactions would become empty and "
        f"{seen.already_empty_transactions} are already, {seen.straddling_transactions} would lose a part, "
        f"{seen.kept_changes} changes stay, {seen.held_changes} more are held or current"
    )
    recording.log(
        f"that is {'' if seen.batches_exact else 'about '}{seen.batches} batches and {len(seen.partitions)} whole "
        f"partitions, {seen.bytes} bytes, {seen.actions} actions, about {seen.seconds:.0f} s ({seen.seconds_basis})"
    )
    if seen.by_rows:
        recording.log(f"partitions would be purged by rows, which is slower: {seen.by_rows}")
    return seen
