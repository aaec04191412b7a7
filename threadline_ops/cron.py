"""Cron expressions of five fields: checked when settings load, and asked how far apart their ticks lie.

The library knows nothing of Dagster, which runs the schedules; a test holds both to the same ticks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}

#: 29 February comes at least twice in so many days, save around 2100.
_HORIZON = 3_000


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]


_FIELDS = (
    _Field("minute", 0, 59, {}),
    _Field("hour", 0, 23, {}),
    _Field("day of month", 1, 31, {}),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)


@dataclass(frozen=True)
class Cron:
    """When something runs, by the wall clock of its time zone.

    Attributes:
        text: as it was written.
        minutes: of the day, in order.
        days: of the month.
        weekdays: Sunday is 0.
    """

    text: str
    minutes: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def longest_gap(self, start: date) -> timedelta:
        """The most time that passes between two ticks, seen from a day on; longer changes of the clock aside."""
        within = max((after - before for before, after in pairwise(self.minutes)), default=0)
        overnight = 24 * 60 - self.minutes[-1] + self.minutes[0]
        days = list(self.dates(start))
        apart = max((after - before).days for before, after in pairwise(days))
        return timedelta(minutes=max(within, overnight + (apart - 1) * 24 * 60))

    def next_tick(self, now: datetime, zone: str) -> datetime:
        """The first tick after a moment, in the zone of that moment."""
        local = now.astimezone(ZoneInfo(zone))
        for day in self.dates(local.date()):
            for minute in self.minutes:
                tick = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=ZoneInfo(zone))
                if tick > local:
                    return tick.astimezone(now.tzinfo)
        raise AssertionError("a checked expression ticks within its horizon")

    def dates(self, start: date) -> Iterator[date]:
        """The days with ticks from a day on, as far as anybody plans."""
        for offset in range(_HORIZON):
            day = start + timedelta(days=offset)
            if day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays:
                yield day


def parse(text: str) -> Cron:
    """Read an expression.

    Raises:
        ValueError: it is none, or it never ticks; said for people.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError('must be a cron expression of five fields, such as "15 2 * * *"')
    minute, hour, day, month, weekday = (_values(part, field) for part, field in zip(fields, _FIELDS, strict=True))
    if not fields[2].startswith("*") and not fields[4].startswith("*"):
        raise ValueError("must not restrict the day of the month and the day of the week: cron joins them with or")
    minutes = tuple(sorted(h * 60 + m for h in hour for m in minute))
    cron = Cron(text, minutes, day, month, frozenset(value % 7 for value in weekday))
    # From a fixed day, so that what is accepted today is accepted tomorrow.
    if sum(1 for _ in cron.dates(date(2024, 1, 1))) < 2:
        raise ValueError("must be a cron expression that ticks: there is no such day")
    return cron


def _values(text: str, field: _Field) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and (not step.isdecimal() or int(step) == 0):
            raise ValueError(f"has a step in its {field.name} that is no positive number: {part!r}")
        low, high = _span(span, field, open_ended=bool(slash))
        found.update(range(low, high + 1, int(step or 1)))
    return frozenset(found)


def _span(text: str, field: _Field, *, open_ended: bool) -> tuple[int, int]:
    top = 6 if field.high == 7 else field.high  # a 7 is Sunday only where it is written
    if text == "*":
        return field.low, top
    first, dash, last = text.partition("-")
    low = _number(first, field)
    if not dash:
        return low, top if open_ended else low
    high = _number(last, field)
    if low >= high:  # of equal ends some readers make all values
        raise ValueError(f"has a range in its {field.name} that does not run forwards: {text!r}")
    return low, high


def _number(text: str, field: _Field) -> int:
    value = field.names.get(text, int(text) if text.isdecimal() else -1)
    if not field.low <= value <= field.high:
        raise ValueError(f"has no valid {field.name}: {text!r} (it goes from {field.low} to {field.high})")
    return value
