"""Taking a baseline: a table's rows as they stand, in chunks, each with the snapshot it was read in."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Literal

from threadline_ops.continuity import leftovers, manifest
from threadline_ops.continuity.chunking import ChunkRead, Sizing, by_key
from threadline_ops.continuity.copies import RowsTable
from threadline_ops.continuity.events import BaselineEvent, BaselineResult, Rested
from threadline_ops.continuity.manifest import Header, Version
from threadline_ops.continuity.pages import in_one_snapshot
from threadline_ops.continuity.publishing import Publisher, Target
from threadline_ops.continuity.reading import Reader
from threadline_ops.continuity.redaction import redaction
from threadline_ops.continuity.relation import relation
from threadline_ops.continuity.store import Store
from threadline_ops.continuity.throttle import Throttle, full_speed
from threadline_ops.database import Database, Identity
from threadline_ops.errors import ContinuityError
from threadline_ops.retention.pace import Pace
from threadline_ops.sections import CaptureSettings, ContinuitySettings

#: What runs against the database, in order; evidence quotes these files by hash.
STATEMENTS = (
    "continuity/search_path",
    "continuity/relation",
    "continuity/family",
    "coverage/catalog",
    "continuity/moment",
    "continuity/standby_running",
    "continuity/leaves",
    "continuity/rows/lock",
    "continuity/rows/read",
    "continuity/rows/read_blocks",
    "continuity/pressure",
    "retention/probe",
)


def target(database: Database, identity: Identity, name: str, capture: CaptureSettings) -> Target:
    """Describe the table and what of it must not be read.

    Raises:
        ContinuityError: no such table, or a redaction that cannot be honoured.
    """
    with database.transaction(read_only=True, snapshot=True):
        found = relation(database, name)
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
    before_chunk: Callable[[], str | None] = lambda: None,
    pace: Pace | None = None,
    copies: RowsTable | None = None,
) -> Generator[BaselineEvent, None, BaselineResult]:
    """Copy a table into the store, going on where an earlier run ended; reads only.

    Each chunk is one REPEATABLE READ READ ONLY transaction, and is published before its event is yielded. Of a table
    without a primary key all chunks share one transaction, and an interrupted run begins anew.

    Args:
        database: the audited database or a standby of it; SELECT on the table is enough.
        store: where to.
        name: the table, as in settings.
        capture: per-table redaction of the settings; what the deployed triggers hide is added.
        limits: sizes of chunks.
        refresh: begin a new version although a complete or unfinished one is there.
        before_chunk: called before each chunk, outside any transaction of a table with a key; raises to stop the
            run, or returns a reason to wait, which a table without a key does not heed.
        pace: how much of the time to work; always, when None.
        copies: takes the rows of every chunk that this run publishes, too; `prepare` it beforehand.

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
    publisher = Publisher(store, base, aim, version, copies)
    publisher.tidy()
    throttle = Throttle(before_chunk, pace or full_speed())
    written = yield from publisher.written(_reads(database, aim, version, limits, throttle))
    done = Version(version.number, (*version.chunks, *written), complete=True)
    manifest.close(store, base, done)
    return _result(store, base, done, len(written), aim, "complete")


def _reads(
    database: Database, aim: Target, version: Version, limits: ContinuitySettings, throttle: Throttle
) -> Iterator[ChunkRead | Rested]:
    """The chunks that a version lacks."""
    if not aim.relation.key:
        return in_one_snapshot(database, aim.reader, limits, throttle.gate)
    after = version.chunks[-1].bounds.upto if version.chunks else None
    if version.chunks and after is None:
        return iter(())  # only the closing manifest is missing
    return by_key(database, aim.reader, after, Sizing.rows(limits), throttle)


def _version(store: Store, base: str, header: Header, *, refresh: bool) -> Version:
    """The version to write: the unfinished one, the next, or the complete one that makes this run a no-op."""
    found = manifest.latest(store, base)
    if found is None:
        return Version(1, (), complete=False)
    if refresh:
        return Version(found.number + 1, (), complete=False)
    if not found.complete and not found.resumable:
        # Its chunks are of a snapshot that is gone; nobody was told that they were a baseline.
        leftovers.discard(store, base, found)
        return Version(found.number, (), complete=False)
    if not found.complete and any(chunk.header != header for chunk in found.chunks):
        raise ContinuityError(
            "an unfinished baseline no longer fits the table: its columns, redaction, identity or cluster changed",
            got=header.table,
            fix="begin a new version with --refresh",
        )
    return found


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
        resumable=bool(aim.relation.key),
    )
