"""A whole export run, the same from the command line and from Dagster: guards, work, evidence."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.errors import SettingsError
from threadline_ops.export import claims
from threadline_ops.export.document import export_document
from threadline_ops.export.filters import Filters
from threadline_ops.export.parallel import OPERATION, export_parquet
from threadline_ops.export.result import Event, Exported, Format, PartWritten, Planned
from threadline_ops.settings import Settings

#: Between two progress lines of a run's log.
LOG_INTERVAL = timedelta(seconds=10)
#: What an export may run in the database; evidence quotes these files by hash.
STATEMENTS = (
    "export/count",
    "export/changes",
    "export/joined",
    "export/transactions",
    "export/actions",
    "export/timeline",
    "export/selected",
)


@dataclass(frozen=True)
class ExportRequest:
    """What one run is asked to do.

    Attributes:
        location: a path or URI that does not exist yet, a directory for Parquet, else a file; None makes one
            of the run's id below the setting export.directory.
        filters: which changes.
        format: of the export.
        hive: Parquet below date=.../table=.../.
        resume: go on where an earlier Parquet export to this location stopped.
        readers: connections that read at the same time, for Parquet, instead of the setting.
        max_rows: the cap of a document.
        action_metadata: two more CSV columns.
    """

    location: str | None = None
    filters: Filters = field(default_factory=Filters)
    format: Format = "parquet"
    hive: bool = False
    resume: bool = False
    readers: int | None = None
    max_rows: int | None = None
    action_metadata: bool = False

    def __post_init__(self) -> None:
        parquet = self.format == "parquet"
        wrong = {
            "max_rows": parquet and self.max_rows is not None,
            "action_metadata": self.action_metadata and self.format != "csv",
            "hive": self.hive and not parquet,
            "resume": self.resume and not parquet,
            "resume without a location": self.resume and self.location is None,
        }
        for name, misplaced in wrong.items():
            if misplaced:
                raise SettingsError(
                    f"{name} has no meaning for {self.format}",
                    fix="max_rows caps csv, json and ndjson; action_metadata adds csv columns; "
                    "hive and resume belong to parquet",
                )
        if self.readers is not None and not 1 <= self.readers <= 16:
            raise SettingsError("readers must lie between 1 and 16", got=self.readers, fix="2 is a good number")

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "export", "--format", self.format]
        words += ["--output", self.location.split("?")[0]] if self.location else []
        for key, value in self.filters.plain().items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{key.replace('_', '-')}", text]
        words += [f"--{name}" for name in ("hive", "resume") if getattr(self, name)]
        words += ["--action-metadata"] if self.action_metadata else []
        words += ["--max-rows", str(self.max_rows)] if self.max_rows is not None else []
        return shlex.join(words)


@dataclass(frozen=True)
class ExportReport:
    """What a run did, for people and metadata.

    Attributes:
        run_id: of Dagster, or one made for the command line.
        result: what was exported, and where it is.
        seconds: wall time.
        evidence: the run's record; its log lies beside it.
        log: the run's log.
    """

    run_id: str
    result: Exported
    seconds: float
    evidence: Path
    log: Path


@dataclass
class _Progress:
    recording: evidence.Recording
    on_event: Callable[[Event], None]
    throttle: progress.Throttle = field(default_factory=lambda: progress.Throttle(LOG_INTERVAL))

    def __call__(self, event: Event) -> None:
        match event:
            case Planned():
                self.recording.figures.update(planned_rows=event.rows, resumed_rows=event.done)
                self.recording.log(f"exporting {event.rows} changes, {event.done} of them finished before")
            case PartWritten():
                self.recording.figures.update(rows=event.total_rows)
                if self.throttle():
                    self.recording.log(f"part {event.number}: {event.rows} changes; {event.total_rows} so far")
        self.on_event(event)


def run_export(
    settings: Settings,
    request: ExportRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Export once, leaving one evidence record whatever happens.

    Args:
        settings: the database and the evidence store.
        request: what this run is asked to do.
        run_id: Dagster's; made up when there is none.
        on_event: receives every event.
        should_stop: asked after every event.
        echo: receives each line of the run's log as it is written.

    Raises:
        OpsError: the run was refused or failed; nothing was published.
        Interrupted: should_stop said so; finished parts of a Parquet export stay for `resume`.
    """
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode="execute", command=request.command(), echo=echo
    ) as recording:
        recording.expect(claims.LARGE, claims.FILTERS)
        location = request.location or _default_location(settings, request, recording.run_id)
        recording.parameters.update(
            filters=request.filters.plain(),
            format=request.format,
            location=location.split("?")[0],
            hive=request.hive,
            resume=request.resume,
            readers=request.readers or settings.export.readers,
        )
        recording.statements = STATEMENTS
        operation = _operation(settings, request, location)
        result = progress.drive(operation, _Progress(recording, on_event), should_stop=should_stop)
        recording.outcome = "truncated" if result.truncated else "complete"
        recording.figures.update(rows=result.rows, bytes=result.size, files=len(result.files), snapshot=result.snapshot)
        recording.log(f"export {recording.outcome}: {result.rows} changes in {len(result.files)} files")
        claims.claim(recording, settings, request.filters, location, result, hive=request.hive)
    return ExportReport(recording.run_id, result, recording.seconds, recording.record_path, recording.log_path)


def _default_location(settings: Settings, request: ExportRequest, run_id: str) -> str:
    head, mark, query = settings.export.directory.partition("?")
    suffix = "" if request.format == "parquet" else f".{request.format}"
    return f"{head.rstrip('/')}/{run_id}{suffix}{mark}{query}"


def _operation(settings: Settings, request: ExportRequest, location: str) -> Generator[Event, None, Exported]:
    if request.format == "parquet":
        return export_parquet(
            settings,
            request.filters,
            location,
            hive=request.hive,
            resume=request.resume,
            readers=request.readers or settings.export.readers,
        )
    return export_document(
        settings,
        request.filters,
        location,
        document=request.format,
        now=datetime.now(UTC),
        max_rows=request.max_rows,
        action_metadata=request.action_metadata,
    )
