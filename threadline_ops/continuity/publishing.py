"""Publishing chunks: Parquet, checksums and manifests, by a thread of its own while the next chunk is read."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from threadline_ops.continuity import leftovers, manifest
from threadline_ops.continuity.chunking import ChunkRead
from threadline_ops.continuity.copies import RowsTable
from threadline_ops.continuity.events import BaselineEvent, ChunkWritten, Rested
from threadline_ops.continuity.manifest import Chunk, Header, Version
from threadline_ops.continuity.reading import Reader
from threadline_ops.continuity.redaction import Redaction
from threadline_ops.continuity.relation import Relation
from threadline_ops.continuity.store import Store


@dataclass(frozen=True)
class Target:
    """A table as this run finds it."""

    relation: Relation
    redaction: Redaction
    reader: Reader
    header: Header


@dataclass(frozen=True)
class Publisher:
    """Where a version's chunks go.

    Args:
        store: the archive store.
        base: directory of the table's baselines.
        aim: the table.
        version: to which chunks are added.
        copies: takes the rows too, if asked.
    """

    store: Store
    base: str
    aim: Target
    version: Version
    copies: RowsTable | None = None

    @property
    def place(self) -> str:
        """The version's directory."""
        return manifest.version_directory(self.base, self.version.number)

    def tidy(self) -> None:
        """Remove what a killed run left behind."""
        leftovers.tidy(self.store, self.place, self.version)
        if self.copies:
            self.copies.clear(self.aim.relation.table, self.version.number, len(self.version.chunks) + 1)

    def written(self, reads: Iterator[ChunkRead | Rested]) -> Generator[BaselineEvent, None, list[Chunk]]:
        """Publish chunk after chunk behind those that the version has; each is announced once it is out."""
        number, total = len(self.version.chunks), self.version.rows
        done: list[Chunk] = []
        pending: Future[Chunk] | None = None
        started = time.monotonic()
        ended = False
        with ThreadPoolExecutor(1) as thread:
            while pending is not None or not ended:
                read = next(reads, None)
                if isinstance(read, Rested):
                    yield read
                    continue
                ended = read is None
                # No chunk is handed over before the one before it is out: a failure must not leave a gap.
                chunk = pending.result() if pending is not None else None
                number += 1
                pending = thread.submit(self._publish, number, read) if read else None
                if chunk is not None:
                    done.append(chunk)
                    total += chunk.rows
                    spent, started = time.monotonic() - started, time.monotonic()
                    yield self._event(chunk, total, spent)
        return done

    def _event(self, chunk: Chunk, total: int, seconds: float) -> ChunkWritten:
        table, expected = chunk.header.table, self.aim.relation.rows
        return ChunkWritten(table, chunk.number, chunk.rows, total, expected, timedelta(seconds=seconds))

    def _publish(self, number: int, read: ChunkRead) -> Chunk:
        rows = self._masked(self.aim.reader.table(read.stretch))
        content = _parquet(rows)
        digest = hashlib.sha256(content).hexdigest()
        chunk = Chunk(
            number=number,
            header=self.aim.header,
            rows=read.stretch.rows,
            bounds=read.bounds,
            moment=read.moment,
            file=manifest.data_name(number, digest),
            sha256=digest,
            text_sha256=hashlib.sha256(read.stretch.text).hexdigest(),
            text_bytes=len(read.stretch.text),
        )
        self.store.publish(f"{self.place}/{chunk.file}", content, same=True)
        if self.copies:
            self.copies.put(self.aim.relation.table, self.version.number, number, read.moment.at, rows)
        self.store.publish(f"{self.place}/{manifest.manifest_name(number)}", chunk.dump())
        return chunk

    def _masked(self, rows: pa.Table) -> pa.Table:
        """The rows with the placeholders of masked columns, which were never read."""
        names = {column.name for column in self.aim.relation.columns}
        for name, placeholder in self.aim.redaction.masked:
            if name in names:
                rows = rows.append_column(name, pa.array([placeholder] * rows.num_rows, pa.string()))
        return rows


def _parquet(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        compression_level=1,
        write_statistics=False,
        use_dictionary=False,
        data_page_version="2.0",
    )
    return sink.getvalue().to_pybytes()
