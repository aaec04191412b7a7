"""`archive_then_purge`: archive what is expired, read it back, and delete only what is the same."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from threadline_ops import evidence
from threadline_ops.archive.account import Account, GatedResult
from threadline_ops.archive.events import PurgeEvent
from threadline_ops.archive.gating import OPERATION, GatedRun
from threadline_ops.errors import PolicyError
from threadline_ops.retention import claims
from threadline_ops.retention.policy import Policy
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class GatedRequest:
    """What one run is asked to do.

    Attributes:
        execute: delete; otherwise the run is dry and archives nothing either.
        cutoff: an older cutoff than the policy's.
        max_batches: slices at most, instead of the setting.
        full_speed: do not give way to writers.
        wait_s: how long to wait for days that are not sealed, instead of the setting.
    """

    execute: bool = False
    cutoff: datetime | None = None
    max_batches: int | None = None
    full_speed: bool = False
    wait_s: int | None = None

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "archive", "purge"]
        words += ["--execute"] if self.execute else []
        words += ["--cutoff", self.cutoff.isoformat()] if self.cutoff else []
        words += ["--max-batches", str(self.max_batches)] if self.max_batches is not None else []
        words += ["--full-speed"] if self.full_speed else []
        words += ["--wait", str(self.wait_s)] if self.wait_s is not None else []
        return shlex.join(words)

    def policy(self, settings: Settings) -> Policy:
        """The configured policy, with what this run asks otherwise; a slice is purged by one worker."""
        return Policy.from_settings(
            settings.retention, max_batches=self.max_batches, workers=1, full_speed=self.full_speed
        )

    def wait(self, settings: Settings) -> timedelta:
        """How long to wait for days that are not sealed."""
        return timedelta(seconds=settings.archive.seal_wait_s if self.wait_s is None else self.wait_s)


@dataclass(frozen=True)
class GatedReport:
    """What a run did, for people and metadata."""

    run_id: str
    mode: str
    location: str
    result: GatedResult
    seconds: float
    evidence: Path
    log: Path


def run_gated_purge(
    settings: Settings,
    request: GatedRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[PurgeEvent], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> GatedReport:
    """Archive, read back and purge once, leaving one evidence record whatever happens.

    Raises:
        OpsError: the run was refused or failed; committed slices are kept.
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
                "retention is disabled", got={"enabled": False}, fix="set retention.enabled = true to allow purging"
            )
        account = Account(settings, policy, recording, on_event)
        run = GatedRun(settings, policy, request.cutoff, request.wait(settings), account, should_stop)
        result, location = run.execute() if request.execute else run.preview()
        account.close(result)
    return GatedReport(
        recording.run_id, mode, location, result, recording.seconds, recording.record_path, recording.log_path
    )
