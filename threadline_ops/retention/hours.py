"""The hours in which a purge may work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from threadline_ops.errors import PolicyError

_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Hours:
    """A daily span of time, which may go past midnight.

    Attributes:
        start: included.
        end: excluded.
        zone: an IANA name; the clocks of that place decide, also when they change.
    """

    start: time
    end: time
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, zone: str) -> Self:
        """Read "22:00-06:00".

        Raises:
            PolicyError: another form, an empty span, or an unknown zone.
        """
        found = _FORM.fullmatch(text)
        if found is None or found.group(1, 2) == found.group(3, 4):
            raise PolicyError(
                "the allowed hours cannot be read", got=text, fix='write retention.hours as "22:00-06:00"'
            )
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PolicyError(
                "the zone of the allowed hours is unknown", got=zone, fix='write it like "Europe/Paris", or use UTC'
            ) from None
        first, second = (time(int(found[n]), int(found[n + 1])) for n in (1, 3))
        return cls(first, second, zone)

    def left(self, now: datetime) -> timedelta | None:
        """How long a run may still work; None outside the hours.

        Args:
            now: aware.
        """
        local = now.astimezone(ZoneInfo(self.zone))
        for days in (-1, 0):
            day = local.date() + timedelta(days=days)
            following = day if self.start < self.end else day + timedelta(days=1)
            begin = datetime.combine(day, self.start, local.tzinfo).astimezone(UTC)
            end = datetime.combine(following, self.end, local.tzinfo).astimezone(UTC)
            if begin <= now < end:
                return end - now
        return None

    def require(self, now: datetime) -> timedelta:
        """How long a run may work that begins now.

        Raises:
            PolicyError: it is outside the hours.
        """
        left = self.left(now)
        if left is None:
            raise PolicyError(
                f"purging is allowed from {self} alone",
                got=now.astimezone(ZoneInfo(self.zone)).isoformat(timespec="minutes"),
                fix="run it then, or change retention.hours",
            )
        return left

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self.end:%H:%M} {self.zone}"
