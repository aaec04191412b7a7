"""Days, weeks and months as the spans of partitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum

#: Between a plan and the first partition of its own: the old table refuses writes from its bound on until the switch.
NOTICE = timedelta(days=7)


class Period(Enum):
    """How much time a partition spans, in UTC."""

    day = "day"
    week = "week"
    month = "month"

    def start(self, of: date) -> date:
        """The first day of the span that a day lies in; weeks begin on Mondays."""
        match self:
            case Period.day:
                return of
            case Period.week:
                return of - timedelta(days=of.weekday())
            case Period.month:
                return of.replace(day=1)

    def following(self, start: date) -> date:
        """The first day of the next span."""
        match self:
            case Period.day:
                return start + timedelta(days=1)
            case Period.week:
                return start + timedelta(days=7)
            case Period.month:
                return (start + timedelta(days=31)).replace(day=1)

    def bound(self, today: date) -> date:
        """The first beginning of a span that leaves time to carry a plan out."""
        first = self.start(today)
        while first < today + NOTICE:
            first = self.following(first)
        return first

    def spans(self, first: date, count: int) -> Iterator[tuple[date, date]]:
        """So many spans one after another."""
        for _ in range(count):
            end = self.following(first)
            yield first, end
            first = end
