"""The Parquet export: one snapshot, several readers, parts that finish one by one."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

import pyarrow as pa

from threadline_ops.columnar import connect
from threadline_ops.database import opened
from threadline_ops.errors import ExportError
from threadline_ops.export import books
from threadline_ops.export import plan as planning
from threadline_ops.export.destination import Destination
from threadline_ops.export.filters import Filters
from threadline_ops.export.manifest import NAME, file_metadata, manifest, restored
from threadline_ops.export.parquet import write_empty, write_part
from threadline_ops.export.plan import Plan
from threadline_ops.export.reader import Part, Reader
from threadline_ops.export.result import Event, Exported, FileEntry, PartWritten, Planned
from threadline_ops.export.schema import SCHEMA
from threadline_ops.progress import Interrupted
from threadline_ops.settings import Settings

OPERATION = "audit_export"


@dataclass
class _Job:
    """What the readers share."""

    settings: Settings
    filters: Filters
    destination: Destination
    plan: Plan
    shared_snapshot: str
    resumed: bool
    todo: deque[Part]
    results: SimpleQueue[dict[str, Any] | BaseException | None] = field(default_factory=SimpleQueue)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def metadata(self) -> dict[str, str]:
        return file_metadata(self.filters, snapshot=self.plan.snapshot, identity=self.plan.identity)

    def parameters(self) -> dict[str, Any]:
        """The filters; a resumed export reads with a later snapshot, and leaves out what the plan's did not see."""
        return self.filters.parameters() | ({"snapshot": self.plan.snapshot} if self.resumed else {})


def export_parquet(
    settings: Settings,
    filters: Filters,
    location: str,
    *,
    hive: bool = False,
    resume: bool = False,
    readers: int = 2,
) -> Generator[Event, None, Exported]:
    """Export matching changes to a directory of Parquet files that appears when it is complete.

    A read-only transaction stays open between events, because it carries the one snapshot that all readers
    share; stopping there is safe. What is finished then stays, unpublished, for `resume`.

    Args:
        settings: the database; the direct connection string is preferred.
        filters: which changes.
        location: a directory, or a URI prefix, that does not exist yet.
        hive: files below date=.../table=.../ instead of one flat directory.
        resume: go on where an earlier attempt at this location stopped.
        readers: connections that read at the same time.

    Raises:
        ExportError: the destination is taken or cannot be written, or an unfinished export does not fit.
        DatabaseError: the server refused, or was lost; finished parts stay for `resume`.
    """
    destination = Destination(location)
    books.look(destination, resume=resume)
    if resume and (complete := destination.read(NAME)):
        return _publish(destination, restored(complete, destination.shown))
    with opened(settings, OPERATION, direct=True) as database:
        planning.require_columns(database)
        identity = database.identity()
        with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
            database.one("export/reader_settings", {"broad": "on"})
            shared, snapshot = database.one("export/export_snapshot")
            plan = books.stored_plan(destination, filters, hive=hive) if resume else None
            resumed = plan is not None
            if plan:
                planning.recount(database, plan, filters)
            else:
                rows, parts = planning.cut(database, filters, readers=readers)
                started = datetime.now(UTC).isoformat()
                schema = database.settings.audit_schema
                plan = Plan(filters.plain(), hive, snapshot, identity, schema, started, rows, parts)
                with _clearing(destination), destination.writing(books.PLAN) as sink:
                    sink.write(json.dumps(plan.plain()).encode())
            records = books.records(destination)
            todo = deque(part for part in plan.parts if part.number not in records)
            job = _Job(settings, filters, destination, plan, shared, resumed, todo)
            with _clearing(destination):
                yield from _run(job, records, readers=readers)
            near = planning.near_names(database, filters) if plan.rows == 0 else None
    with _clearing(destination):
        return _finish(job, records, near)


@contextmanager
def _clearing(destination: Destination) -> Generator[None]:
    """Remove an unfinished local export when it cannot be written: on a full disk it only takes space.

    In an object store the finished parts stay, because its faults pass and reading again is dear.
    """
    try:
        yield
    except ExportError:
        if destination.local:
            destination.discard()
        raise


def _run(job: _Job, records: dict[int, dict[str, Any]], *, readers: int) -> Generator[Event]:
    """Let readers work off the parts; whatever ends this generator ends them first."""
    total = sum(record["rows"] for record in records.values())
    threads = [threading.Thread(target=_work, args=(job,)) for _ in range(min(readers, len(job.todo)))]
    for thread in threads:
        thread.start()
    try:
        yield Planned(job.plan.rows, total)
        for _ in threads:
            while (record := job.results.get()) is not None:
                if isinstance(record, BaseException):
                    raise record
                records[record["number"]] = record
                total += record["rows"]
                files = tuple(FileEntry(**file) for file in record["files"])
                yield PartWritten(record["number"], record["rows"], total, files, record["tables"])
    finally:
        job.stop.set()
        for thread in threads:
            thread.join()


def _work(job: _Job) -> None:
    """One reader's life: its connection, its view of the snapshot, its parts; the last word is None."""
    try:
        with _reading(job) as reader:
            while job.todo and not job.stop.is_set():
                try:
                    part = job.todo.popleft()
                except IndexError:
                    break
                job.results.put(_part(job, reader, part))
    except Interrupted:
        pass
    except BaseException as error:
        job.stop.set()
        job.results.put(error)
    finally:
        job.results.put(None)


@contextmanager
def _reading(job: _Job) -> Generator[Reader]:
    with (
        closing(connect(job.settings, OPERATION, direct=True)) as source,
        source.transaction(job.shared_snapshot),
    ):
        broad = job.filters.narrow or job.resumed
        yield Reader(source, job.parameters(), broad=broad, stopping=job.stop.is_set)


def _part(job: _Job, reader: Reader, part: Part) -> dict[str, Any]:
    """Write one part and then its record, which is what makes it finished."""
    with closing(reader.tables(part)) as changes:
        files, tables = write_part(job.destination, part.number, changes, job.metadata, hive=job.plan.hive)
    rows = sum(file.rows for file in files)
    record = {"number": part.number, "rows": rows, "files": [asdict(file) for file in files], "tables": tables}
    with job.destination.writing(books.record_name(part.number)) as sink:
        sink.write(json.dumps(record).encode())
    return record


def _finish(job: _Job, records: dict[int, dict[str, Any]], near: tuple[str, ...] | None) -> Exported:
    """Check that nothing is missing, write the manifest, publish."""
    plan, destination = job.plan, job.destination
    ordered = [records[number] for number in sorted(records)]
    files = [FileEntry(**file) for record in ordered for file in record["files"]]
    rows = sum(file.rows for file in files)
    if rows != plan.rows:
        raise ExportError(
            f"the export holds {rows} changes, but its snapshot {plan.rows}",
            fix="report this as a defect; nothing was published",
        )
    tables: Counter[str] = Counter()
    for record in ordered:
        tables.update(record["tables"])
    if not files:
        files = [write_empty(destination, job.metadata)]
    columns = {column.name: _type(column.type) for column in SCHEMA}
    size = sum(file.size for file in files)
    done = Exported(
        destination.shown, "parquet", rows, size, tuple(files), tables, columns, plan.snapshot, near_names=near
    )
    with destination.writing(NAME) as sink:
        sink.write(manifest(done, generated_at=plan.started, filters=plan.filters, identity=plan.identity))
    return _publish(destination, done)


def _publish(destination: Destination, done: Exported) -> Exported:
    destination.remove(books.FOLDER)
    destination.publish([*(file.name for file in done.files), NAME])
    return done


def _type(kind: pa.DataType) -> str:
    return str(kind).removeprefix("extension<arrow.").removesuffix(">")
