"""Exports one document: a single file, newest change first, from one snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from threadline_ops.database import Database, opened
from threadline_ops.errors import ExportError, SettingsError
from threadline_ops.export import documents, plan
from threadline_ops.export.destination import Destination
from threadline_ops.export.documents import Change
from threadline_ops.export.filters import Filters
from threadline_ops.export.manifest import DOCUMENT_SUFFIX, manifest
from threadline_ops.export.result import Event, Exported, FileEntry, PartWritten, Planned
from threadline_ops.settings import Settings

OPERATION = "audit_export"
#: Rows that the server-side cursor hands over at a time: ten of 1 MB still fit.
FETCH_ROWS = 200


@dataclass
class _Counting:
    """Passes changes on up to the cap, and remembers what went through."""

    limit: int | None
    rows: int = 0
    truncated: bool = False
    tables: Counter[str] = field(default_factory=Counter[str])

    def __call__(self, changes: Iterator[Change]) -> Iterator[Change]:
        for change in changes:
            if self.rows == self.limit:
                self.truncated = True
                return
            self.rows += 1
            self.tables[f"{change.table_schema}.{change.table_name}"] += 1
            yield change


def export_document(
    settings: Settings,
    filters: Filters,
    location: str,
    *,
    document: Literal["csv", "json", "ndjson"],
    now: datetime,
    max_rows: int | None = None,
    action_metadata: bool = False,
) -> Generator[Event, None, Exported]:
    """Export matching changes to one file that appears when it is complete, its manifest beside it.

    Rows stream through a cursor of the server, so memory does not grow with their number.

    Args:
        settings: the database.
        filters: which changes.
        location: a file, or the URI of an object, that does not exist yet.
        document: the format.
        now: becomes generated_at.
        max_rows: the cap; None is none for NDJSON and Threadline's 10,000 for the others.
        action_metadata: two more CSV columns.

    Raises:
        ExportError: the destination is taken or cannot be written; nothing is left behind.
        SettingsError: max_rows is not positive.
    """
    max_rows = _cap(document, max_rows)
    destination = _free(location)
    beside = Destination(destination.beside(DOCUMENT_SUFFIX))
    with opened(settings, OPERATION) as database:
        plan.require_columns(database)
        identity = database.identity()
        counting = _Counting(max_rows)
        with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
            database.one("export/reader_settings", {"broad": "on"})
            _, snapshot = database.one("export/current_snapshot")
            total = database.one("export/count", filters.parameters())[0]
            yield Planned(total if max_rows is None else min(total, max_rows), 0)
            try:
                with destination.writing() as sink:
                    changes = counting(stream(database, filters, limit=max_rows and max_rows + 1))
                    for piece in documents.render(document, changes, generated_at=now, action_metadata=action_metadata):
                        sink.write(piece)
            except BaseException:
                destination.discard()
                raise
            near = plan.near_names(database, filters) if total == 0 else None
    file = FileEntry("", counting.rows, sink.size, sink.sha256)
    done = Exported(
        destination.shown, document, counting.rows, sink.size, (file,), counting.tables, {}, snapshot,
        truncated=counting.truncated, max_rows=max_rows, near_names=near,
    )  # fmt: skip
    with beside.writing() as sink:
        named = replace(done, columns=_columns(document, action_metadata=action_metadata))
        sink.write(manifest(named, generated_at=now.isoformat(), filters=filters.plain(), identity=identity))
    destination.publish([""])
    beside.publish([""])
    yield PartWritten(0, done.rows, done.rows, done.files, done.tables)
    return named


def _cap(document: str, asked: int | None) -> int | None:
    if asked is not None and asked < 1:
        raise SettingsError("max_rows must be positive", got=asked, fix="give a number from 1")
    return documents.DEFAULT_MAX_ROWS if asked is None and document != "ndjson" else asked


def _free(location: str) -> Destination:
    destination = Destination(location)
    if destination.exists(partial=False):
        raise ExportError(
            "the destination exists already",
            got=destination.shown,
            fix="exports are never overwritten: choose another name, or remove it",
        )
    return destination


def stream(database: Database, filters: Filters, *, limit: int | None, snapshot: str | None = None) -> Iterator[Change]:
    """Matching changes, newest first, within the open transaction; of an earlier snapshot if one is given."""
    parameters = filters.parameters() | {"max_rows": limit, "snapshot": snapshot}
    with database.connection.cursor(name="threadline_export") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(database.statement("export/timeline"), parameters, binary=True)
        yield from map(Change.of, cursor)


def _columns(document: str, *, action_metadata: bool) -> dict[str, str]:
    names = documents.CSV_COLUMNS + (documents.ACTION_COLUMNS if action_metadata else ())
    return dict.fromkeys(names, "text") if document == "csv" else {}
