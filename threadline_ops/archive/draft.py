"""Reads one sealed day and writes its files; nothing counts on them until a manifest names them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from queue import Empty, SimpleQueue

import pyarrow as pa

from threadline_ops.archive.ledger import Seal
from threadline_ops.archive.manifest import folder_of
from threadline_ops.archive.schema import SCHEMA, stored
from threadline_ops.archive.seal import reached
from threadline_ops.archive.slices import Slice, Slicer, day_end, day_start, whole_day
from threadline_ops.archive.store import Files
from threadline_ops.columnar import Columnar, connect
from threadline_ops.database import Identity
from threadline_ops.errors import ArchiveError
from threadline_ops.export.filters import Filters
from threadline_ops.export.manifest import file_metadata
from threadline_ops.export.parquet import write_part
from threadline_ops.export.reader import Part, Reader
from threadline_ops.export.result import FileEntry
from threadline_ops.settings import Settings

OPERATION = "audit_archive"
#: Tables of about 16,384 changes in a file, at most: what is held in memory when it is read back.
TABLES_A_FILE = 16


@dataclass(frozen=True)
class Draft:
    """A day whose files are in place."""

    day: date
    version: int
    snapshot: str
    seal: Seal
    files: tuple[FileEntry, ...]
    slices: tuple[Slice, ...]
    tables: dict[str, int]

    @property
    def rows(self) -> int:
        """Changes in all files."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class Drafting:
    """How days are read and where their files go; used by several threads, each with a connection of its own."""

    settings: Settings
    files: Files
    identity: Identity
    stop: threading.Event
    idle: SimpleQueue[Columnar] = field(default_factory=SimpleQueue[Columnar])

    def draft(self, day: date, version: int, seal: Seal) -> Draft | None:
        """Write a day's files; None when it holds no change.

        Raises:
            ArchiveError: the day is not sealed, or rows were lost on the way.
            ExportError: the archive cannot be written.
            Interrupted: asked to stop.
        """
        folder = folder_of(day, version)
        destination = self.files.destination(folder)
        # What a crash left: no manifest names it, or this version would be another.
        destination.discard()
        self.files.remove(folder)
        with self._connected() as source, source.transaction():
            view = source.one("archive/day", {"from": day_start(day), "until": day_end(day)})
            oldest, snapshot, expected = view["oldest"], view["snapshot"], view["changes"]
            if not reached(oldest, seal):
                raise ArchiveError("a day is not sealed", got=day.isoformat(), fix="run again later")
            if not expected:
                return None
            metadata = file_metadata(_filters(day), snapshot=snapshot, identity=self.identity)
            slicer = Slicer(day, self.settings.archive.slice_rows)
            written: list[FileEntry] = []
            counts: Counter[str] = Counter()
            with closing(self._tables(source, day)) as read:
                for number, tables in enumerate(_by_file(map(stored, slicer.passing(read)))):
                    entries, counted = write_part(destination, number, tables, metadata, hive=False, schema=SCHEMA)
                    written += entries
                    counts.update(counted)
        slices = tuple(slicer.finish())
        _require_all(day, expected, sum(part.rows for part in slices), sum(file.rows for file in written))
        destination.publish([file.name for file in written])
        return Draft(day, version, snapshot, seal, tuple(written), slices, dict(sorted(counts.items())))

    @contextmanager
    def _connected(self) -> Generator[Columnar]:
        """One that another day was read by, or a new one."""
        try:
            source = self.idle.get_nowait()
        except Empty:
            source = connect(self.settings, OPERATION, direct=True)
        try:
            yield source
        finally:
            self.idle.put(source)

    def close(self) -> None:
        """Close the connections; nobody reads any more."""
        while not self.idle.empty():
            self.idle.get().close()

    def _tables(self, source: Columnar, day: date) -> Generator[pa.Table]:
        bounds = whole_day(day)
        reader = Reader(source, Filters().parameters(), broad=False, stopping=self.stop.is_set)
        return reader.tables(Part(0, bounds.after.time, bounds.upto.time))


def _filters(day: date) -> Filters:
    return Filters(since=day_start(day), until=whole_day(day).ends)


def _by_file(tables: Iterator[pa.Table]) -> Generator[Iterable[pa.Table]]:
    for first in tables:
        yield chain([first], islice(tables, TABLES_A_FILE - 1))


def _require_all(day: date, expected: int, *found: int) -> None:
    if any(rows != expected for rows in found):
        raise ArchiveError(
            f"the archive of {day} would hold {found} changes, but its snapshot sees {expected}",
            fix="report this as a defect; nothing was published",
        )
