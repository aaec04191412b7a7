"""Writes one part of an export as Parquet files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from threadline_ops.export.destination import Destination, Sink
from threadline_ops.export.result import FileEntry
from threadline_ops.export.schema import SCHEMA, writer_options


@dataclass
class _Open:
    writer: pq.ParquetWriter
    sink: Sink
    rows: int = 0

    def write(self, table: pa.Table) -> None:
        self.writer.write_table(table, row_group_size=max(1, table.num_rows))
        self.rows += table.num_rows


def write_part(
    destination: Destination,
    number: int,
    tables: Iterable[pa.Table],
    metadata: Mapping[str, str],
    *,
    hive: bool,
    schema: pa.Schema = SCHEMA,
) -> tuple[tuple[FileEntry, ...], dict[str, int]]:
    """Write the tables of one part, each as one row group, and count changes by "schema.table".

    Raises:
        ExportError: the destination cannot be written; none of the part's files stay.
    """
    schema = schema.with_metadata(dict(metadata))
    name = f"part-{number:05d}.parquet"
    counts: Counter[str] = Counter()
    written: dict[str, _Open] = {}
    with ExitStack() as files:
        for table in tables:
            counts.update(_counted(table))
            for folder, rows in _partitions(table) if hive else (("", table),):
                file = written.get(folder + name)
                if file is None:
                    file = written[folder + name] = files.enter_context(_opened(destination, folder + name, schema))
                file.write(rows)
    entries = [FileEntry(path, file.rows, file.sink.size, file.sink.sha256) for path, file in written.items()]
    return tuple(entries), dict(counts)


def write_empty(destination: Destination, metadata: Mapping[str, str]) -> FileEntry:
    """A file with the schema and no rows, so that an export of nothing can be opened like any other."""
    name = "part-00000.parquet"
    with _opened(destination, name, SCHEMA.with_metadata(dict(metadata))) as file:
        pass
    return FileEntry(name, 0, file.sink.size, file.sink.sha256)


@contextmanager
def _opened(destination: Destination, path: str, schema: pa.Schema) -> Generator[_Open]:
    with destination.writing(path) as sink:
        writer = pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, **writer_options())
        try:
            yield _Open(writer, sink)
        finally:
            writer.close()


def _counted(table: pa.Table) -> dict[str, int]:
    schemas, names = table["table_schema"], table["table_name"]
    return {
        f"{schema}.{found['values']}": found["counts"]
        for schema in schemas.unique()
        for found in names.filter(pc.equal(schemas, schema)).value_counts().to_pylist()
    }


def _partitions(table: pa.Table) -> Generator[tuple[str, pa.Table]]:
    """The table by day (UTC) and table name, as Hive-style folders; order within each stays."""
    days = pc.strftime(table["captured_at"], format="%Y-%m-%d")
    keyed = pa.table({"day": days, "name": table["table_name"]})
    for pair in keyed.group_by(["day", "name"], use_threads=False).aggregate([]).to_pylist():
        mask = pc.and_(pc.equal(days, pair["day"]), pc.equal(table["table_name"], pair["name"]))
        yield f"date={pair['day']}/table={quote(pair['name'], safe='')}/", table.filter(mask)
