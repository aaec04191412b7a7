"""What the Iceberg table should show, by the chain of manifests."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from threadline_ops.archive import content
from threadline_ops.archive.manifest import Entry, removed
from threadline_ops.archive.schema import SCHEMA, SCHEMA_VERSION, stored
from threadline_ops.archive.store import Files
from threadline_ops.archive.verify import intact, tables_of
from threadline_ops.export.schema import writer_options

#: Copies of rows that lie in no file that the table can show.
COPIES = "iceberg/copies"


@dataclass(frozen=True)
class Expected:
    """A file that the table should show.

    Attributes:
        name: in the archive.
        size: in bytes; None of a copy, which may not be written yet.
        copy: the rows, where the file is a copy.
    """

    name: str
    rows: int
    size: int | None
    copy: pa.Table | None = None

    @property
    def written(self) -> bytes:
        """A copy's file."""
        assert self.copy is not None
        sink = io.BytesIO()
        pq.write_table(self.copy, sink, **writer_options())
        return sink.getvalue()


def expected(files: Files, entries: Iterable[Entry]) -> Iterator[Expected]:
    """The newest version of each day in place, and a copy of rows that only an earlier version has.

    A day that was archived again after a part of it was purged holds that part in its earlier version alone. Such
    days are few, and only for them are files read here.

    Raises:
        ArchiveError: a file that is read is not what was written.
    """
    known = list(entries)
    gone = removed(known)
    days: dict[Any, list[Entry]] = {}
    for entry in known:
        if entry.manifest.kind == "day" and entry.sha256 not in gone:
            days.setdefault(entry.manifest.day, []).append(entry)
    for day, versions in sorted(days.items()):
        newest = versions[-1].manifest
        shown = newest.schema_version >= SCHEMA_VERSION
        if shown:
            for file in newest.files:
                yield Expected(f"{newest.folder}/{file.name}", file.rows, file.size)
        if not shown or len(versions) > 1:
            rows = _others(files, versions, shown=shown)
            if rows.num_rows:
                # The hash of an entry vouches for all entries before it, so the name says which rows these are.
                yield Expected(f"{COPIES}/{day}-{versions[-1].sha256[:16]}.parquet", rows.num_rows, None, rows)


def _others(files: Files, versions: list[Entry], *, shown: bool) -> pa.Table:
    """Rows of a day that the newest version's files do not have, each in its newest version."""
    seen: Any = pa.array([], pa.binary(16))
    kept: list[pa.Table] = []
    for entry in reversed(versions):
        found: list[Any] = []
        for file in entry.manifest.files:
            for table in tables_of(intact(files, entry.manifest, file)):
                ids = content.column(table, "id")
                found.append(ids)
                if not (shown and entry is versions[-1]):
                    kept.append(stored(table.filter(pc.invert(pc.is_in(ids, seen)))))
        seen = pa.concat_arrays([seen, *found])
    return pa.concat_tables([SCHEMA.empty_table(), *kept]).sort_by([("captured_at", "ascending")])
