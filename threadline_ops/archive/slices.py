"""Slices: consecutive ranges of a day's (captured_at, id), each with a count and a digest that the server can repeat.

Together the slices of a day tile it without a gap, so that a row inserted anywhere in the day later falls into one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa

from threadline_ops.archive import content
from threadline_ops.retention.steps import Key

#: What one slice may weigh: the deleting statement sorts it in memory.
SLICE_BYTES = 8 << 20
LAST_UUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Slice:
    """A range of a day's changes.

    Attributes:
        number: from 0.
        after: the key behind which it begins.
        upto: the last key that belongs to it.
        rows: changes in it.
        digest: of their content, in the order of their keys.
        transactions: that they belong to.
        transactions_digest: of these, in the order of their ids.
    """

    number: int
    after: Key
    upto: Key
    rows: int
    digest: str
    transactions: int
    transactions_digest: str

    @property
    def bounds(self) -> dict[str, str]:
        """The range as parameters of the statements in sql/archive."""
        return {
            "after_time": self.after.time,
            "after_id": self.after.id,
            "upto_time": self.upto.time,
            "upto_id": self.upto.id,
        }

    @property
    def ends(self) -> datetime:
        """The latest captured_at that belongs to it."""
        return datetime.fromisoformat(self.upto.time)

    @property
    def measure(self) -> tuple[int, str, int, str]:
        """What the server has to find as well."""
        return self.rows, self.digest, self.transactions, self.transactions_digest


def day_start(day: date) -> datetime:
    """Midnight, UTC."""
    return datetime.combine(day, time(), UTC)


def day_end(day: date) -> datetime:
    """The midnight that no longer belongs to the day."""
    return day_start(day) + timedelta(days=1)


@dataclass
class _Open:
    rows: int = 0
    size: int = 0
    digest: content.Hash = field(default_factory=content.md5)
    transactions: list[content.Transactions] = field(default_factory=list[content.Transactions])
    last: Key = field(default_factory=Key)


class Slicer:
    """Cuts a day's changes, as they pass in order, into slices.

    Args:
        day: UTC.
        most: changes a slice; None follows `like`.
        like: the row counts of slices that were cut before, to cut the same way.
    """

    def __init__(self, day: date, most: int | None = None, like: Iterable[int] = ()) -> None:
        self._most = most
        self._like = iter(like)
        self._after = Key((day_start(day) - _MICROSECOND).isoformat(), LAST_UUID)
        self._end = Key((day_end(day) - _MICROSECOND).isoformat(), LAST_UUID)
        self._open = _Open()
        self._goal = self._next_goal()
        self.slices: list[Slice] = []

    def passing(self, tables: Iterable[pa.Table]) -> Generator[pa.Table]:
        """Hand the tables on, having looked at them."""
        for table in tables:
            self.add(table)
            yield table

    def add(self, table: pa.Table) -> None:
        """Look at more changes, which follow those before."""
        rows = content.changes(table)
        ends = np.cumsum(content.lengths(rows))
        start = 0
        while start < len(rows):
            if self._open.rows and self._full():
                self._close(self._open.last)
            stop = self._stop(start, ends)
            part = table.slice(start, stop - start)
            self._open.digest.update(content.stretch(rows, start, stop))
            self._open.transactions.append(content.transactions(part))
            self._open.rows += stop - start
            self._open.size += int(ends[stop - 1]) - (int(ends[start - 1]) if start else 0)
            self._open.last = _key(table, stop - 1)
            start = stop

    def finish(self) -> list[Slice]:
        """All slices; the last one reaches to the end of the day."""
        if self._open.rows:
            self._close(self._end)
        return self.slices

    def _next_goal(self) -> int | None:
        return self._most if self._most is not None else next(self._like, None)

    def _full(self) -> bool:
        enough = self._goal is not None and self._open.rows >= self._goal
        return enough or (self._most is not None and self._open.size >= SLICE_BYTES)

    def _stop(self, start: int, ends: np.ndarray[Any, np.dtype[np.int64]]) -> int:
        """How far the open slice reaches into these rows; at least over one."""
        stop = len(ends) if self._goal is None else min(len(ends), start + self._goal - self._open.rows)
        if self._most is not None:
            before = int(ends[start - 1]) if start else 0
            heavy = int(np.searchsorted(ends, before + SLICE_BYTES - self._open.size)) + 1
            stop = min(stop, heavy)
        return max(stop, start + 1)

    def _close(self, upto: Key) -> None:
        done = self._open
        parents = content.by_id(done.transactions)
        digest = content.md5(content.stretch(parents, 0, len(parents)))
        self.slices.append(
            Slice(
                len(self.slices), self._after, upto, done.rows, done.digest.hexdigest(),
                len(parents), digest.hexdigest(),
            )
        )  # fmt: skip
        self._after, self._open, self._goal = upto, _Open(), self._next_goal()


def _key(table: pa.Table, row: int) -> Key:
    moment: Any = content.column(table, "captured_at")[row]
    identity: Any = content.column(table, "id")[row]
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment.value)
    return Key(when.isoformat(timespec="microseconds"), str(UUID(bytes=identity.as_py())))


def whole_day(day: date) -> Slice:
    """A slice that covers a day, with nothing said of its rows."""
    after = Key((day_start(day) - _MICROSECOND).isoformat(), LAST_UUID)
    return Slice(0, after, Key((day_end(day) - _MICROSECOND).isoformat(), LAST_UUID), 0, "", 0, "")
