"""The hours in which a purge may work, past midnight and through changes of the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from threadline_ops.errors import PolicyError
from threadline_ops.retention.hours import Hours


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "now", "minutes"),
    [
        ("22:00-06:00", "UTC", "2026-06-01T21:59", None),
        ("22:00-06:00", "UTC", "2026-06-01T22:00", 480),
        ("22:00-06:00", "UTC", "2026-06-02T05:59", 1),
        ("22:00-06:00", "UTC", "2026-06-02T06:00", None),
        ("01:00-02:30", "UTC", "2026-06-02T02:00", 30),
        ("01:00-02:30", "UTC", "2026-06-02T02:30", None),
        ("22:00-06:00", "Europe/Paris", "2026-06-01T20:30", 450),
        ("22:00-06:00", "Europe/Paris", "2026-06-01T19:30", None),
        # The night in which Paris puts its clocks forward has seven of these hours, the one back nine.
        ("22:00-06:00", "Europe/Paris", "2026-03-28T21:00", 420),
        ("22:00-06:00", "Europe/Paris", "2026-10-24T20:00", 540),
    ],
)
def test_how_long_is_left(hours: str, zone: str, now: str, minutes: int | None):
    left = Hours.parse(hours, zone).left(at(now))
    assert left == (None if minutes is None else timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("hours", "zone"), [("22-6", "UTC"), ("22:00-22:00", "UTC"), ("24:00-06:00", "UTC"), ("22:00-06:00", "Mars/Base")]
)
def test_hours_that_make_no_sense_are_refused(hours: str, zone: str):
    with pytest.raises(PolicyError):
        Hours.parse(hours, zone)


def test_a_run_outside_is_refused_and_told_when():
    with pytest.raises(PolicyError, match="22:00 to 06:00 UTC"):
        Hours.parse("22:00-06:00", "UTC").require(at("2026-06-01T12:00"))
