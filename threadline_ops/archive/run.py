"""A whole run that writes days into the archive, the same from the command line and from Dagster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.archive.draft import OPERATION
from threadline_ops.archive.events import DayArchived, Published, WriteEvent
from threadline_ops.archive.seal import Waiting
from threadline_ops.archive.session import writing
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings

STATEMENTS = (
    "archive/mark",
    "archive/marks",
    "archive/days",
    "archive/day",
    "export/changes",
    "export/joined",
    "export/transactions",
    "export/actions",
)

Echo = Callable[[str], None]
ShouldStop = Callable[[], bool]


@dataclass(frozen=True)
class WriteRequest:
    """What one run is asked to archive.

    Attributes:
        days: UTC; empty means every day that is over and not archived yet.
        again: another version of these days, though they are archived.
        wait_s: how long to wait for days that are not sealed, instead of the setting.
    """

    days: tuple[date, ...] = ()
    again: bool = False
    wait_s: int | None = None

    def __post_init__(self) -> None:
        if self.again and not self.days:
            raise SettingsError("nothing is named to archive again", fix="name the days, with --day")

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "archive", "write"]
        for day in self.days:
            words += ["--day", day.isoformat()]
        words += ["--again"] if self.again else []
        words += ["--wait", str(self.wait_s)] if self.wait_s is not None else []
        return shlex.join(words)


@dataclass(frozen=True)
class WriteReport:
    """What a run archived.

    Attributes:
        days: one for each manifest that was written.
        waiting: what keeps the other days from being sealed, if anything does.
    """

    run_id: str
    location: str
    days: tuple[DayArchived, ...]
    rows: int
    waiting: str | None
    seconds: float
    evidence: Path
    log: Path


def told(recording: evidence.Recording, event: WriteEvent) -> None:
    """Note what a day came to, and why others wait."""
    match event:
        case Waiting():
            recording.log(f"waiting: {event}")
        case DayArchived():
            recording.log(f"archived {event.day} v{event.version}: {event.rows} changes in {event.slices} slices")
        case Published():
            recording.log(f"published in {event.table}: {event.added} files added, {event.removed} taken out")
            recording.figures["iceberg"] = {"table": event.table, "metadata": event.location}
        case _:
            pass


def run_write(
    settings: Settings,
    request: WriteRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[WriteEvent], None] = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    echo: Echo = lambda _: None,
) -> WriteReport:
    """Archive days that are over and sealed, leaving one evidence record whatever happens.

    Raises:
        OpsError: the run was refused or failed; days that were reported as archived are.
        Interrupted: should_stop said so.
    """
    archived: list[DayArchived] = []
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode="execute", command=request.command(), echo=echo
    ) as recording:
        recording.statements = STATEMENTS
        recording.parameters.update(days=request.days, again=request.again)
        with writing(settings, recording.run_id) as (session, lock):
            recording.identity = session.identity
            recording.parameters.update(location=session.files.shown)
            recording.figures.update(days=0, rows=0)

            def noted(event: WriteEvent) -> None:
                told(recording, event)
                if isinstance(event, DayArchived):
                    lock.check()
                    archived.append(event)
                    recording.figures.update(
                        days=len(archived),
                        rows=sum(day.rows for day in archived),
                        manifests={f"{day.day} v{day.version}": day.sha256 for day in archived},
                    )
                on_event(event)

            wait = timedelta(seconds=settings.archive.seal_wait_s if request.wait_s is None else request.wait_s)
            now = session.database.now()
            _require_over(request.days, now)
            pending = session.pending(now)
            days = [d for d in request.days if request.again or d in pending] if request.days else pending
            done = progress.drive(session.archive(sorted(set(days)), wait=wait), noted, should_stop=should_stop)
        waiting = str(done.waiting) if done.waiting else None
        recording.outcome = "waiting" if waiting else "complete"
        recording.log(f"archive {recording.outcome}: {len(archived)} days")
    return WriteReport(
        recording.run_id, session.files.shown, tuple(archived), sum(day.rows for day in archived), waiting,
        recording.seconds, recording.record_path, recording.log_path,
    )  # fmt: skip


def _require_over(days: tuple[date, ...], now: datetime) -> None:
    today = now.astimezone(UTC).date()
    if days and max(days) >= today:
        raise SettingsError("a day is not over", got=max(days).isoformat(), fix="archive it from midnight UTC on")
