"""Whole runs, the same from the command line and from Dagster: lock, work, evidence."""

from __future__ import annotations

import shlex
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.capture.names import parse
from threadline_ops.continuity import baseline as baselines
from threadline_ops.continuity import claims, verification
from threadline_ops.continuity.baseline import take
from threadline_ops.continuity.copies import STATEMENTS as COPIED
from threadline_ops.continuity.copies import RowsTable
from threadline_ops.continuity.events import BaselineEvent, BaselineResult, Rested, RowsVerified, VerifyResult
from threadline_ops.continuity.horizon import horizon
from threadline_ops.continuity.relation import relation
from threadline_ops.continuity.store import store
from threadline_ops.continuity.throttle import Throttle, throttled
from threadline_ops.continuity.verification import verify
from threadline_ops.database import Database, opened
from threadline_ops.errors import SettingsError
from threadline_ops.lock import RunLock, single_flight
from threadline_ops.settings import Settings

BASELINE, VERIFY = "continuity_baseline", "continuity_verify"

#: Between two progress lines of a run's log.
LOG_INTERVAL = timedelta(seconds=10)


@dataclass(frozen=True)
class BaselineReport:
    """What a baseline run did.

    Attributes:
        run_id: of Dagster, or one made for the command line.
        result: of the operation.
        seconds: wall time.
        evidence: the run's record; its log lies beside it.
        log: the run's log.
    """

    run_id: str
    result: BaselineResult
    seconds: float
    evidence: Path
    log: Path


@dataclass(frozen=True)
class VerifyReport:
    """What a verification run did; fields as in BaselineReport."""

    run_id: str
    result: VerifyResult
    seconds: float
    evidence: Path
    log: Path


def run_baseline(
    settings: Settings,
    table: str,
    *,
    refresh: bool = False,
    run_id: str | None = None,
    on_event: Callable[[BaselineEvent], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> BaselineReport:
    """Take or finish a table's baseline once, under the table's lock, leaving one evidence record.

    Args:
        settings: the database, the store and the sizes of chunks.
        table: as in settings.
        refresh: begin a new version.
        run_id: Dagster's; made up when there is none.
        on_event: receives every published chunk and every announced rest.
        should_stop: asked after every chunk.
        echo: receives each line of the run's log.

    Raises:
        OpsError: the run was refused or failed; published chunks are kept.
        Interrupted: should_stop said so.
    """
    command = shlex.join(["threadline-ops", "baseline", table, *(["--refresh"] if refresh else [])])
    with _recorded(settings, BASELINE, table, run_id, command, echo) as (recording, database, lock):
        recording.parameters.update(settings.continuity.model_dump(), table=table, refresh=refresh)
        recording.statements = baselines.STATEMENTS + (COPIED if settings.continuity.target == "table" else ())
        noted = _Noted(recording, on_event)
        with _throttled(settings, database, table, lock) as throttle, _copies(settings) as copies:
            work = take(
                database,
                store(settings),
                table,
                capture=settings.capture,
                limits=settings.continuity,
                refresh=refresh,
                before_chunk=throttle.gate,
                pace=throttle.pace,
                copies=copies,
            )
            result = progress.drive(work, noted, should_stop=should_stop)
        recording.figures.update(asdict(result), rested_seconds=noted.rested.total_seconds())
        recording.log(
            f"{result.table}: baseline version {result.version} {result.outcome}, {result.rows} rows in "
            f"{result.chunks} chunks, {result.new_chunks} of them by this run, read from the {result.origin}"
        )
        claims.claim_baselines(recording, database, store(settings), settings, result.table)
    return BaselineReport(recording.run_id, result, recording.seconds, recording.record_path, recording.log_path)


@dataclass
class _Noted:
    """Keeps the record's totals up to date, and the log short."""

    recording: evidence.Recording
    on_event: Callable[[BaselineEvent], None]
    rested: timedelta = timedelta(0)
    throttles: dict[type, progress.Throttle] = field(default_factory=dict[type, progress.Throttle])

    def __call__(self, event: BaselineEvent) -> None:
        if isinstance(event, Rested):
            self.rested += event.duration
            line = f"{event.table}: resting, {event.reason}"
        else:
            self.recording.figures.update(chunks=event.chunk, rows=event.total_rows)
            line = f"{event.table}: chunk {event.chunk} published, {event.total_rows} rows so far"
        if self.throttles.setdefault(type(event), progress.Throttle(LOG_INTERVAL))():
            self.recording.log(line)
        self.on_event(event)


@contextmanager
def _throttled(settings: Settings, database: Database, table: str, lock: RunLock) -> Generator[Throttle]:
    with database.transaction(read_only=True):
        found = relation(database, table)
    with throttled(lambda: opened(settings, BASELINE), found, settings.continuity, lock.check) as throttle:
        yield throttle


@contextmanager
def _copies(settings: Settings) -> Generator[RowsTable | None]:
    if settings.continuity.target == "files":
        yield None
        return
    with opened(settings, BASELINE) as database:
        copies = RowsTable(database)
        copies.prepare()
        yield copies


def run_verify(
    settings: Settings,
    table: str,
    *,
    sample: float = 1.0,
    run_id: str | None = None,
    on_event: Callable[[RowsVerified], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> VerifyReport:
    """Verify a table once, under the table's lock, leaving one evidence record and one report.

    The record holds counts; only the report beside the baseline names rows.

    Args:
        settings: the database, the store and the sizes of stretches.
        table: as in settings.
        sample: which part of the baseline's chunks to compare, above 0 and up to 1.
        run_id: Dagster's; made up when there is none.
        on_event: receives every compared stretch.
        should_stop: asked after every stretch.
        echo: receives each line of the run's log.

    Raises:
        OpsError: the run was refused or failed.
        Interrupted: should_stop said so; no report was published.
    """
    if not 0 < sample <= 1:
        raise SettingsError("the sample must be above 0 and at most 1", got=sample, fix="give 0.1 for a tenth")
    command = shlex.join(
        ["threadline-ops", "continuity-verify", table, *([f"--sample={sample}"] if sample < 1 else [])]
    )
    with _recorded(settings, VERIFY, table, run_id, command, echo) as (recording, database, lock):
        purged = horizon(settings, database.identity(), database.now())
        recording.parameters.update(settings.continuity.model_dump(), table=table, sample=sample, horizon=purged)
        recording.statements = verification.STATEMENTS
        work = verify(
            database,
            store(settings),
            table,
            run_id=recording.run_id,
            capture=settings.capture,
            limits=settings.continuity,
            horizon=purged,
            sample=sample,
            seed=zlib.crc32(recording.run_id.encode()),
            before_stretch=lock.check,
        )
        result = progress.drive(work, _comparing(recording, on_event), should_stop=should_stop)
        _conclude(recording, result)
        claims.claim_verified(recording, database, store(settings), settings, result)
    return VerifyReport(recording.run_id, result, recording.seconds, recording.record_path, recording.log_path)


def _comparing(
    recording: evidence.Recording, on_event: Callable[[RowsVerified], None]
) -> Callable[[RowsVerified], None]:
    throttle = progress.Throttle(LOG_INTERVAL)

    def show(event: RowsVerified) -> None:
        recording.figures.update(rows=event.rows, findings=event.findings)
        if throttle():
            recording.log(f"{event.table}: {event.rows} rows compared, {event.findings} findings so far")
        on_event(event)

    return show


def _conclude(recording: evidence.Recording, result: VerifyResult) -> None:
    recording.outcome = "gaps" if result.gaps else "complete"
    recording.figures.update(asdict(result), gaps=result.gaps)
    counted = ", ".join(f"{count} {kind}" for kind, count in result.counts.items())
    recording.log(f"{result.table}: {result.rows} rows compared with {result.changes} changes: {counted}")


@contextmanager
def _recorded(
    settings: Settings,
    operation: str,
    table: str,
    run_id: str | None,
    command: str,
    echo: Callable[[str], None],
) -> Generator[tuple[evidence.Recording, Database, RunLock]]:
    """Evidence, a connection and the lock of one table's operation."""
    name = str(parse(table, settings.database.audit_schema))
    with (
        evidence.recording(settings, operation, run_id=run_id, mode="execute", command=command, echo=echo) as recording,
        opened(settings, operation) as database,
    ):
        recording.about = name
        recording.expect(claims.GUIDE if operation == BASELINE else claims.VERIFIED)
        recording.identity = database.identity()
        database.require_audit_schema()
        with single_flight(settings, f"{operation} {name}", run_id=recording.run_id) as lock:
            yield recording, database, lock
