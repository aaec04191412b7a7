"""Taking a baseline: a table's rows as they stand, in chunks by key, each with the snapshot it was read in."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from threadline_ops.continuity import manifest
from threadline_ops.continuity.chunking import Pace, read_chunk
from threadline_ops.continuity.keys import Bounds
from threadline_ops.continuity.manifest import Chunk, Header, Version
from threadline_ops.continuity.reading import Reader, Stretch
from threadline_ops.continuity.redaction import Redaction, redaction
from threadline_ops.continuity.relation import Relation, relation
from threadline_ops.continuity.snapshot import Moment
from threadline_ops.continuity.store import Store
from threadline_ops.database import Database, Identity
from threadline_ops.errors import ContinuityError
from threadline_ops.settings import CaptureSettings, ContinuitySettings

#: What runs against the database, in order; evidence quotes these files by hash.
STATEMENTS = (
    "continuity/search_path",
    "continuity/relation",
    "continuity/family",
    "coverage/catalog",
    "continuity/moment",
    "continuity/standby_running",
    "continuity/rows/read",
)


@dataclass(frozen=True)
class ChunkWritten:
    """A chunk was published.

    Attributes:
        table: its name.
        chunk: its number, from 1.
        rows: in it.
        total_rows: in the version so far.
        expected_rows: the planner's estimate for the table.
        duration: from the transaction's start to the manifest's publication.
    """

    table: str
    chunk: int
    rows: int
    total_rows: int
    expected_rows: int
    duration: timedelta


@dataclass(frozen=True)
class BaselineResult:
    """What a run came to.

    Attributes:
        table: its name.
        version: of the baseline.
        outcome: "complete", or "unchanged" when a complete version was there and no refresh was asked.
        rows: in the version.
        chunks: in the version.
        new_chunks: written by this run; fewer than `chunks` when an earlier run had begun.
        origin: "standby" when any chunk came from one.
        excluded: columns that were left out.
        masked: columns that hold a placeholder.
        place: where the version lies.
    """

    table: str
    version: int
    outcome: Literal["complete", "unchanged"]
    rows: int
    chunks: int
    new_chunks: int
    origin: Literal["primary", "standby"]
    excluded: tuple[str, ...]
    masked: tuple[str, ...]
    place: str


@dataclass(frozen=True)
class Target:
    """A table as this run finds it."""

    relation: Relation
    redaction: Redaction
    reader: Reader
    header: Header


def target(database: Database, identity: Identity, name: str, capture: CaptureSettings) -> Target:
    """Describe the table and what of it must not be read.

    Raises:
        ContinuityError: no such table, no key, or a redaction that cannot be honoured.
    """
    with database.transaction(read_only=True, snapshot=True):
        found = relation(database, name)
        found.require_key()
        hidden = redaction(database, found, capture)
    reader = Reader(found, hidden)
    return Target(found, hidden, reader, Header.of(identity, found, hidden, reader.columns))


def take(
    database: Database,
    store: Store,
    name: str,
    *,
    capture: CaptureSettings,
    limits: ContinuitySettings,
    refresh: bool = False,
    before_chunk: Callable[[], None] = lambda: None,
) -> Generator[ChunkWritten, None, BaselineResult]:
    """Copy a table into the store, going on where an earlier run ended; reads only.

    Each chunk is one REPEATABLE READ READ ONLY transaction, and is published before its event is yielded.

    Args:
        database: the audited database or a standby of it; SELECT on the table is enough.
        store: where to.
        name: the table, as in settings.
        capture: per-table redaction of the settings; what the deployed triggers hide is added.
        limits: sizes of chunks.
        refresh: begin a new version although a complete or unfinished one is there.
        before_chunk: called outside any transaction; raises to stop the run.

    Raises:
        ContinuityError: the table cannot have a baseline, or an unfinished one no longer fits it.
        DatabaseError: the server refused a chunk; published ones are kept.
    """
    identity = database.identity()
    aim = target(database, identity, name, capture)
    base = manifest.directory(identity, aim.relation)
    version = _version(store, base, aim.header, refresh=refresh)
    if version.complete:
        return _result(store, base, version, 0, aim, "unchanged")
    place = manifest.version_directory(base, version.number)
    written = yield from _chunks(database, store, place, aim, version, Pace(limits), before_chunk)
    done = Version(version.number, (*version.chunks, *written), complete=True)
    manifest.close(store, base, done)
    return _result(store, base, done, len(written), aim, "complete")


def _chunks(
    database: Database,
    store: Store,
    place: str,
    aim: Target,
    version: Version,
    pace: Pace,
    before_chunk: Callable[[], None],
) -> Generator[ChunkWritten, None, list[Chunk]]:
    """Read chunk after chunk while a thread publishes the one before; a chunk is announced once it is out."""
    number, total = len(version.chunks), version.rows
    after = version.chunks[-1].bounds.upto if version.chunks else None
    ended = bool(version.chunks) and after is None
    written: list[Chunk] = []
    pending: Future[Chunk] | None = None
    started = time.monotonic()
    with ThreadPoolExecutor(1) as publisher:
        while pending is not None or not ended:
            read = None
            if not ended:
                before_chunk()
                read = read_chunk(database, aim.reader, after, pace)
                number, after, ended = number + 1, read[1].upto, read[1].upto is None
            # No chunk is handed over before the one before it is out: a failure must not leave a gap.
            chunk = pending.result() if pending is not None else None
            pending = publisher.submit(_publish, store, place, number, aim, *read) if read else None
            if chunk is not None:
                written.append(chunk)
                total += chunk.rows
                spent, started = time.monotonic() - started, time.monotonic()
                yield ChunkWritten(
                    chunk.header.table, chunk.number, chunk.rows, total, aim.relation.rows, timedelta(seconds=spent)
                )
    return written


def _version(store: Store, base: str, header: Header, *, refresh: bool) -> Version:
    """The version to write: the unfinished one, the next, or the complete one that makes this run a no-op."""
    found = manifest.latest(store, base)
    if found is None:
        return Version(1, (), complete=False)
    if refresh:
        return Version(found.number + 1, (), complete=False)
    if not found.complete and any(chunk.header != header for chunk in found.chunks):
        raise ContinuityError(
            "an unfinished baseline no longer fits the table: its columns, redaction, identity or cluster changed",
            got=header.table,
            fix="begin a new version with --refresh",
        )
    return found


def _publish(
    store: Store, place: str, number: int, aim: Target, stretch: Stretch, bounds: Bounds, seen: Moment
) -> Chunk:
    content = _parquet(aim.reader.table(stretch), aim)
    digest = hashlib.sha256(content).hexdigest()
    data, described = manifest.data_name(number, digest), manifest.manifest_name(number)
    chunk = Chunk(
        number=number,
        header=aim.header,
        rows=stretch.rows,
        bounds=bounds,
        moment=seen,
        file=data,
        sha256=digest,
        text_sha256=hashlib.sha256(stretch.text).hexdigest(),
        text_bytes=len(stretch.text),
    )
    store.publish(f"{place}/{data}", content, same=True)
    store.publish(f"{place}/{described}", chunk.dump())
    return chunk


def _parquet(rows: pa.Table, aim: Target) -> bytes:
    for name, placeholder in aim.redaction.masked:
        if any(column.name == name for column in aim.relation.columns):
            rows = rows.append_column(name, pa.array([placeholder] * rows.num_rows, pa.string()))
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


def _result(
    store: Store,
    base: str,
    version: Version,
    new_chunks: int,
    aim: Target,
    outcome: Literal["complete", "unchanged"],
) -> BaselineResult:
    header = version.chunks[0].header
    from_standby = any(chunk.moment.origin == "standby" for chunk in version.chunks)
    return BaselineResult(
        table=header.table,
        version=version.number,
        outcome=outcome,
        rows=version.rows,
        chunks=len(version.chunks),
        new_chunks=new_chunks,
        origin="standby" if from_standby else "primary",
        excluded=header.excluded,
        masked=header.masked,
        place=store.place(manifest.version_directory(base, version.number)),
    )
