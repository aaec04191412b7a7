"""How many changes the next batch takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

#: A step grows by at most this factor, so that one quick batch cannot make the next one long.
GROWTH = 1.2
#: How much the newest batch counts in the moving average of the time a change takes.
WEIGHT = 0.3
#: After a lock timeout or a cancel; half, as TCP does, because the limit was overrun.
SHRINK = 0.5


@dataclass(frozen=True)
class Limits:
    """What an adaptive batch size may be.

    Attributes:
        target: how long a batch should take.
        floor: changes a batch, at least.
        ceiling: changes a batch, at most.
    """

    target: timedelta = timedelta(milliseconds=250)
    floor: int = 100
    ceiling: int = 50_000


@dataclass
class Sizer:
    """The size of the next batch: fixed, or following how long the last ones took.

    Attributes:
        size: changes to look at in the next batch.
        limits: none for a fixed size.
    """

    size: int
    limits: Limits | None = None
    _seconds_each: float = field(default=0.0, repr=False)

    def observe(self, changes: int, duration: timedelta) -> None:
        """Learn from a committed batch."""
        if self.limits is None or changes <= 0:
            return
        each = duration.total_seconds() / changes
        self._seconds_each = each if not self._seconds_each else WEIGHT * each + (1 - WEIGHT) * self._seconds_each
        ideal = self.limits.target.total_seconds() / self._seconds_each
        self.scale(min(GROWTH, ideal / self.size))

    def scale(self, factor: float) -> None:
        """Grow or shrink within the limits."""
        if self.limits is not None:
            self.size = max(self.limits.floor, min(self.limits.ceiling, round(self.size * factor)))

    def shrink(self) -> bool:
        """Give way after a lock timeout or a cancel; false if the size cannot be smaller."""
        before = self.size
        self.scale(SHRINK)
        return self.size < before
