"""Whole runs of the archive but for its purge, the same from the command line and from Dagster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.archive import chain as chains
from threadline_ops.archive.draft import OPERATION
from threadline_ops.archive.events import DayArchived, DayVerified, WriteEvent
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.manifest import Entry, removed
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.seal import Waiting
from threadline_ops.archive.session import joined, writing
from threadline_ops.archive.store import files_of
from threadline_ops.archive.verify import verify
from threadline_ops.database import Database, opened
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings

VERIFY = "archive_verify"
STATEMENTS = ("archive/mark", "archive/marks", "archive/days", "archive/day", "export/page", "export/transactions")

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


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found.

    Attributes:
        days: versions of days that were read back.
        problems: everything that is not as it was written.
        compared: whether the live rows were compared, too.
    """

    run_id: str
    location: str
    entries: int
    days: int
    rows: int
    problems: tuple[Problem, ...]
    compared: bool
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
            done = progress.drive(session.writer().write(sorted(set(days)), wait=wait), noted, should_stop=should_stop)
        waiting = str(done.waiting) if done.waiting else None
        recording.outcome = "waiting" if waiting else "complete"
        recording.log(f"archive {recording.outcome}: {len(archived)} days")
    return WriteReport(
        recording.run_id, session.files.shown, tuple(archived), sum(day.rows for day in archived), waiting,
        recording.seconds, recording.record_path, recording.log_path,
    )  # fmt: skip


def run_verify(
    settings: Settings,
    *,
    days: tuple[date, ...] = (),
    live: bool = False,
    offline: bool = False,
    run_id: str | None = None,
    on_event: Callable[[DayVerified], None] = lambda _: None,
    should_stop: ShouldStop = lambda: False,
    echo: Echo = lambda _: None,
) -> VerifyReport:
    """Read the archive back, leaving one evidence record whatever happens.

    Args:
        settings: the archive, and the database whose ledger knows where the chain ends.
        days: UTC; empty means all. The chain is checked as a whole in any case.
        live: compare with the live rows, too.
        offline: do without the database; then a chain that was cut off at its end is not noticed.
        run_id: Dagster's.
        on_event: receives every day.
        should_stop: asked after every day.
        echo: receives each line of the run's log.
    """
    words = ["threadline-ops", "archive", "verify", *(w for d in days for w in ("--day", d.isoformat()))]
    words += [flag for flag, asked in (("--live", live), ("--offline", offline)) if asked]
    with (
        evidence.recording(
            settings, VERIFY, run_id=run_id, mode="execute", command=shlex.join(words), echo=echo
        ) as recording,
        ExitStack() as stack,
    ):
        files = files_of(settings)
        database = None if offline else stack.enter_context(opened(settings, VERIFY))
        chain, ledger = _chain(settings, recording, database)
        entries = _wanted(chain.entries, days)

        def noted(event: DayVerified) -> None:
            for problem in event.problems:
                recording.log(f"problem: {problem}")
            if ledger and not event.problems:
                ledger.set_verified(next(e.sha256 for e in entries if _is(e, event)))
            on_event(event)

        work = verify(files, entries, live=database if live else None)
        done = progress.drive(work, noted, should_stop=should_stop)
        problems = (*chain.problems, *done.problems)
        recording.outcome = "violations" if problems else "complete"
        recording.figures.update(
            entries=len(chain.entries), days=done.days, rows=done.rows, problems=[str(p) for p in problems],
            head=chain.head.sha256 if chain.head else None,
        )  # fmt: skip
        recording.log(f"verify {recording.outcome}: {done.days} days, {done.rows} changes, {len(problems)} problems")
    return VerifyReport(
        recording.run_id, files.shown, len(chain.entries), done.days, done.rows, problems, live and not offline,
        recording.seconds, recording.record_path, recording.log_path,
    )  # fmt: skip


def _require_over(days: tuple[date, ...], now: datetime) -> None:
    today = now.astimezone(UTC).date()
    if days and max(days) >= today:
        raise SettingsError("a day is not over", got=max(days).isoformat(), fix="archive it from midnight UTC on")


def _chain(
    settings: Settings, recording: evidence.Recording, database: Database | None
) -> tuple[chains.Chain, Ledger | None]:
    if database is None:
        recording.log("offline: without the database nobody knows where the chain should end")
        return chains.load(files_of(settings), {}), None
    session = joined(settings, database)
    recording.identity = session.identity
    ledger = Ledger(database)
    return session.chain, ledger if ledger.exists() and not session.identity.in_recovery else None


def _wanted(entries: tuple[Entry, ...], days: tuple[date, ...]) -> list[Entry]:
    gone = removed(entries)
    there = [entry for entry in entries if entry.manifest.kind == "day" and entry.sha256 not in gone]
    missing = set(days) - {entry.manifest.day for entry in there}
    if missing:
        raise SettingsError("a day is not archived", got=min(missing).isoformat(), fix="see archive status")
    return [entry for entry in there if not days or entry.manifest.day in days]


def _is(entry: Entry, event: DayVerified) -> bool:
    return (entry.manifest.day, entry.manifest.version) == (event.day, event.version)
