"""Reading chunk after chunk, each in a snapshot of its own and as big as time and memory allow."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from threadline_ops.continuity.keys import Bounds
from threadline_ops.continuity.reading import Reader, Stretch, TooBig
from threadline_ops.continuity.relation import cut_search_path
from threadline_ops.continuity.snapshot import Moment, moment
from threadline_ops.database import Database
from threadline_ops.settings import ContinuitySettings

#: A chunk of more text than this many times the target is given up and read again with fewer rows.
_TOLERANCE = 4


@dataclass
class Pace:
    """How many rows to ask for, from how long and how big the chunks before were.

    Attributes:
        limits: what a chunk may take.
        rows: to ask for next.
    """

    limits: ContinuitySettings
    rows: int = field(init=False)

    def __post_init__(self) -> None:
        self.rows = min(self.limits.chunk_rows, 1_000)

    def shrink(self) -> None:
        """Ask for a quarter: the last chunk was too big to hold."""
        self.rows = max(self.rows // 4, 1)

    def learn(self, stretch: Stretch, seconds: float) -> None:
        """Let a full chunk's time and size decide on the next one's rows."""
        if stretch.rows < self.rows:
            return
        by_time = self.limits.chunk_ms / 1000 / max(seconds, 1e-3)
        by_size = self.limits.chunk_bytes / max(len(stretch.text), 1)
        self.rows = max(1, min(self.limits.chunk_rows, int(self.rows * min(by_time, by_size, 8))))


def read_chunk(
    database: Database, reader: Reader, after: tuple[str, ...] | None, pace: Pace
) -> tuple[Stretch, Bounds, Moment]:
    """The next chunk, the keys that it covers, and what it saw, in one transaction.

    Args:
        database: the audited database or a standby of it.
        reader: of the table.
        after: the last key of the chunk before; None at the table's beginning.
        pace: decides on the rows, and learns from them.
    """
    while True:
        started = time.monotonic()
        try:
            with database.transaction(read_only=True, snapshot=True) as connection:
                cut_search_path(database, reader.relation)
                seen = moment(database)
                limit = pace.limits.chunk_bytes * (_TOLERANCE if pace.rows > 1 else 1 << 20)
                stretch = reader.read(connection, Bounds(after), pace.rows, limit)
        except TooBig:
            pace.shrink()
            continue
        asked = pace.rows
        pace.learn(stretch, time.monotonic() - started)
        # A short chunk reached the end, so it covers every key beyond its last row too.
        return stretch, Bounds(after, stretch.last if stretch.rows == asked else None), seen
