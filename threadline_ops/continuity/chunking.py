"""Reading chunk after chunk by key, each in a snapshot of its own and as big as time and memory allow."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass

from threadline_ops.continuity.events import Rested
from threadline_ops.continuity.keys import Bounds
from threadline_ops.continuity.reading import Reader, Stretch, TooBig
from threadline_ops.continuity.relation import cut_search_path
from threadline_ops.continuity.snapshot import Moment, moment
from threadline_ops.continuity.throttle import Throttle
from threadline_ops.database import Database
from threadline_ops.errors import Busy
from threadline_ops.sections import ContinuitySettings

#: A chunk of more text than this many times the target is given up and read again with fewer rows.
_TOLERANCE = 4
#: How often a chunk that met a lock or a time limit is tried again with fewer rows.
_PATIENCE = 6


@dataclass(frozen=True)
class ChunkRead:
    """A chunk that has yet to be published.

    Attributes:
        stretch: its rows.
        bounds: what it covers.
        moment: what it saw.
    """

    stretch: Stretch
    bounds: Bounds
    moment: Moment


@dataclass
class Sizing:
    """How much to ask for, from how long and how big the chunks before were.

    Attributes:
        limits: what a chunk may take.
        size: to ask for next: rows, or blocks of a table without a key.
        most: of it.
    """

    limits: ContinuitySettings
    size: int
    most: int

    @classmethod
    def rows(cls, limits: ContinuitySettings) -> Sizing:
        """For chunks by key."""
        return cls(limits, min(limits.chunk_rows, 1_000), limits.chunk_rows)

    @property
    def max_bytes(self) -> int:
        """Of text in the next chunk; a single row or block is taken however big it is."""
        return self.limits.chunk_bytes * (_TOLERANCE if self.size > 1 else 1 << 20)

    def shrink(self) -> None:
        """Ask for a quarter: the last chunk was too much."""
        self.size = max(self.size // 4, 1)

    def learn(self, stretch: Stretch, seconds: float) -> None:
        """Let a full chunk's time and size decide on the next one's."""
        by_time = self.limits.chunk_ms / 1000 / max(seconds, 1e-3)
        by_size = self.limits.chunk_bytes / max(len(stretch.text), 1)
        by_rows = self.limits.chunk_rows / max(stretch.rows, 1)
        self.size = max(1, min(self.most, int(self.size * min(by_time, by_size, by_rows, 8.0))))


def by_key(
    database: Database, reader: Reader, after: tuple[str, ...] | None, sizing: Sizing, throttle: Throttle
) -> Generator[ChunkRead | Rested]:
    """Every chunk behind a key, with rests between them.

    Raises:
        Busy: a chunk met a lock or a time limit again and again.
        DatabaseError: the server refused a chunk.
    """
    table, failures = str(reader.relation.table), 0
    while True:
        yield from throttle.waits(table)
        started = time.monotonic()
        try:
            with throttle.pace.step():
                chunk = _read(database, reader, after, sizing)
        except Busy as busy:
            failures += 1
            if failures > _PATIENCE:
                raise
            sizing.shrink()
            yield throttle.rest(table, f"{busy.what}; trying fewer rows")
            continue
        failures = 0
        throttle.pace.observe(chunk.stretch.rows, time.monotonic() - started)
        yield chunk
        after = chunk.bounds.upto
        if after is None:
            return


def _read(database: Database, reader: Reader, after: tuple[str, ...] | None, sizing: Sizing) -> ChunkRead:
    """The next chunk, the keys that it covers, and what it saw, in one transaction."""
    while True:
        started = time.monotonic()
        try:
            with database.transaction(read_only=True, snapshot=True) as connection:
                cut_search_path(database, reader.relation)
                seen = moment(database)
                stretch = reader.read(connection, Bounds(after), sizing.size, sizing.max_bytes)
        except TooBig:
            sizing.shrink()
            continue
        full = stretch.rows == sizing.size
        if full:
            sizing.learn(stretch, time.monotonic() - started)
        # A short chunk reached the end, so it covers every key beyond its last row too.
        return ChunkRead(stretch, Bounds(after, stretch.last if full else None), seen)
