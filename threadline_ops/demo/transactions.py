"""What a replay is made of: the application's transactions, each with its actor, its writes and its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from threadline_ops.demo.dataset import Row

_EPOCH = datetime(2013, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Actor:
    """Who acts; `id` is None for anonymous only."""

    type: str
    id: str | None = None

    def reference(self) -> dict[str, str]:
        """The actor as captured transactions record it."""
        return {"type": self.type} if self.id is None else {"type": self.type, "id": self.id}


@dataclass(frozen=True)
class Action:
    """What the application meant: `name` is category.verb."""

    name: str
    correlation_id: str
    job_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Write:
    """One statement of `sql/demo/`, which changes every one of these rows of a table."""

    statement: str
    table: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Transaction:
    """Writes that belong together, and when in 2013 they happened."""

    at: datetime
    actor: Actor
    writes: tuple[Write, ...]
    action: Action | None = None

    @property
    def changes(self) -> int:
        """How many row changes capture will see."""
        return sum(len(write.rows) for write in self.writes)


def floor(moment: datetime, step: timedelta) -> datetime:
    """The start of the window of this length that holds a moment."""
    return moment - (moment - _EPOCH) % step


def stamp(moment: datetime) -> str:
    """A moment as part of a correlation id."""
    return moment.strftime("%Y%m%dT%H%M")


def chunks(rows: Iterable[Row], size: int) -> Iterator[tuple[Row, ...]]:
    """Rows in groups of at most `size`, in order."""
    everything = tuple(rows)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]
