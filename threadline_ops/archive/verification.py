"""A whole run that reads the archive back, the same from the command line and from Dagster."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.archive import chain as chains
from threadline_ops.archive.events import DayVerified
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.manifest import Entry, removed
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.publishing import misshown
from threadline_ops.archive.session import joined
from threadline_ops.archive.store import files_of
from threadline_ops.archive.verify import verify
from threadline_ops.database import Database, opened
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings

VERIFY = "archive_verify"

Echo = Callable[[str], None]
ShouldStop = Callable[[], bool]


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
    command = _command(days, live=live, offline=offline)
    with (
        evidence.recording(settings, VERIFY, run_id=run_id, mode="execute", command=command, echo=echo) as recording,
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
        problems = (*chain.problems, *done.problems, *misshown(settings, files, list(chain.entries)))
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


def _command(days: tuple[date, ...], *, live: bool, offline: bool) -> str:
    words = ["threadline-ops", "archive", "verify", *(w for d in days for w in ("--day", d.isoformat()))]
    return shlex.join(words + [flag for flag, asked in (("--live", live), ("--offline", offline)) if asked])


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
