"""The archive's own retention: old days leave it by an entry of the chain that certifies what is gone.

Guarded twice, as every deletion is: archive.keep_days must be set, and the run must be asked to execute. A day that a
legal hold may touch stays.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from threadline_ops import evidence, progress
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.manifest import Entry, removed
from threadline_ops.archive.publishing import publish
from threadline_ops.archive.session import Session, joined, writing
from threadline_ops.archive.slices import day_end, day_start
from threadline_ops.archive.write import Writer
from threadline_ops.database import opened
from threadline_ops.errors import PolicyError
from threadline_ops.retention.holds import holds
from threadline_ops.settings import Settings

OPERATION = "archive_retire"


@dataclass(frozen=True)
class DayRetired:
    """A day left the archive.

    Attributes:
        versions: how many versions of it.
        rows: of the newest.
        certificate: SHA-256 of the chain's entry that says so.
    """

    day: date
    versions: int
    rows: int
    certificate: str


@dataclass(frozen=True)
class RetireReport:
    """What left the archive; of a dry run, what would.

    Attributes:
        before: days before this one are past archive.keep_days.
        held: days that stay because a hold may touch them.
    """

    run_id: str
    mode: str
    before: date
    days: tuple[date, ...]
    held: tuple[date, ...]
    retired: tuple[DayRetired, ...]
    evidence: Path
    log: Path


def run_retire(
    settings: Settings,
    *,
    execute: bool = False,
    run_id: str | None = None,
    on_event: Callable[[DayRetired], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> RetireReport:
    """Remove days past archive.keep_days from the archive, leaving one evidence record whatever happens.

    Raises:
        PolicyError: archive.keep_days is not set.
        OpsError: the run was refused or failed; days that were reported are gone.
        Interrupted: should_stop said so.
    """
    mode = "execute" if execute else "dry_run"
    command = "threadline-ops archive retire" + (" --execute" if execute else "")
    retired: list[DayRetired] = []
    with evidence.recording(settings, OPERATION, run_id=run_id, mode=mode, command=command, echo=echo) as recording:
        keep = settings.archive.keep_days
        if keep is None:
            raise PolicyError("the archive keeps everything", fix="set archive.keep_days to let old days go")

        def noted(event: DayRetired) -> None:
            retired.append(event)
            recording.figures["retired"] = {f"{day.day}": day.certificate for day in retired}
            recording.log(f"retired {event.day}: {event.rows} changes in {event.versions} versions")
            on_event(event)

        with _session(settings, recording.run_id, execute=execute) as session:
            recording.identity = session.identity
            before, days, held = _due(session, keep)
            if execute:
                progress.drive(_retire(session, days), noted, should_stop=should_stop)
        recording.outcome = "complete" if execute else "dry_run"
        recording.parameters.update(keep_days=keep, before=before)
        recording.figures.update(days=len(days), held=len(held))
        recording.log(f"archive retention {mode}: {len(days)} days before {before}, {len(held)} more are held")
    return RetireReport(
        recording.run_id, mode, before, tuple(days), tuple(held), tuple(retired), recording.record_path,
        recording.log_path,
    )  # fmt: skip


@contextmanager
def _session(settings: Settings, run_id: str, *, execute: bool) -> Generator[Session]:
    if execute:
        with writing(settings, run_id) as (session, _):
            yield session
    else:
        with opened(settings, OPERATION) as database:
            yield joined(settings, database)


def _due(session: Session, keep: int) -> tuple[date, list[date], list[date]]:
    before = (session.database.now().astimezone(UTC) - timedelta(days=keep)).date()
    old = [day for day in session.days if day < before]
    in_force = [hold for hold in holds(session.database) if hold["in_force"]]
    held = [day for day in old if any(_touches(hold, session.days[day]) for hold in in_force)]
    return before, [day for day in old if day not in held], held


def _touches(hold: dict[str, Any], entry: Entry) -> bool:
    """Whether a hold may name a change of the day; what cannot be told from the manifest counts as yes."""
    day, tables = entry.manifest.day, entry.manifest.tables
    return (
        (hold["from_time"] is None or hold["from_time"] < day_end(day))
        and (hold["to_time"] is None or hold["to_time"] >= day_start(day))
        and (hold["table_name"] is None or f"{hold['table_schema']}.{hold['table_name']}" in tables)
    )


def _retire(session: Session, days: list[date]) -> Generator[DayRetired]:
    """Certify first, remove then: a crash in between leaves files that no entry counts on any more."""
    writer = session.writer()
    gone = removed(writer.entries)
    certified = [_certified(session, writer, day, gone) for day in days]
    for _ in publish(session.settings, session.files, writer.entries):
        pass  # readers of the table let go of the files before they go
    _sweep(session, gone)
    for event, versions in certified:
        _sweep(session, {entry.sha256 for entry in versions})
        yield event


def _certified(session: Session, writer: Writer, day: date, gone: set[str]) -> tuple[DayRetired, list[Entry]]:
    versions = [e for e in writer.entries if e.manifest.day == day and e.sha256 not in gone]
    certificate = writer.add(_certificate(writer, versions))
    Ledger(session.database).add([certificate])
    return DayRetired(day, len(versions), versions[-1].manifest.rows, certificate.sha256), versions


def _sweep(session: Session, gone: set[str]) -> None:
    """Remove the files of entries whose removal is certified."""
    for entry in session.chain.entries:
        if entry.sha256 in gone:
            session.files.remove(entry.manifest.folder)


def _certificate(writer: Writer, versions: list[Entry]) -> Any:
    sequence, previous = writer.next_place()
    newest = versions[-1].manifest
    return replace(
        newest, sequence=sequence, previous=previous, kind="removal", version=writer.version(newest.day), files=(),
        slices=(), removes=tuple(entry.sha256 for entry in versions), generated_at=datetime.now(UTC).isoformat(),
    )  # fmt: skip
