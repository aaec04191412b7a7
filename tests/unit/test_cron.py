"""Cron expressions: the ticks are Dagster's, and what never ticks is refused."""

from datetime import UTC, date, datetime, timedelta

import pytest
from dagster._utils.schedules import cron_string_iterator
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from threadline_ops import cron
from threadline_ops.scheduled import DashboardSettings, ScheduleSettings

NOW = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)


def field(low: int, high: int):
    number = st.integers(low, high)
    pair = st.tuples(number, number).filter(lambda p: p[0] != p[1]).map(sorted)
    part = st.one_of(
        number.map(str),
        pair.map(lambda p: f"{p[0]}-{p[1]}"),
        st.integers(1, high).map(lambda step: f"*/{step}"),
        st.just("*"),
    )
    return st.lists(part, min_size=1, max_size=2).map(",".join)


@given(
    st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)),
    st.booleans(),
    st.datetimes(datetime(2024, 1, 1), datetime(2029, 1, 1)),
)
def test_the_next_tick_is_dagsters(fields: tuple[str, ...], by_day: bool, moment: datetime):
    minute, hour, day, month, weekday = fields
    text = f"{minute} {hour} {day if by_day else '*'} {month} {'*' if by_day else weekday}"
    now = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    ours = cron.parse(text).next_tick(now, "UTC")
    dagsters = cron_string_iterator(now.timestamp() + 1, text, "UTC")
    assert ours == next(dagsters)


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("15 2 * * *", timedelta(days=1)),
        ("5 * * * *", timedelta(hours=1)),
        ("*/10 9-17 * * *", timedelta(hours=15, minutes=10)),
        ("10 4 * * 0", timedelta(days=7)),
        ("10 4 * * sun", timedelta(days=7)),
        ("10 4 * * 7", timedelta(days=7)),
        ("0 6 * * mon-fri", timedelta(days=3)),
        ("0 6 1 * *", timedelta(days=31)),
        ("0 6 29 2 *", timedelta(days=1461)),
    ],
)
def test_the_longest_gap(text: str, gap: timedelta):
    assert cron.parse(text).longest_gap(date(2024, 1, 1)) == gap


def test_a_tick_follows_the_wall_clock_of_its_zone():
    assert cron.parse("15 2 * * *").next_tick(NOW, "Europe/Paris") == datetime(2026, 6, 2, 0, 15, tzinfo=UTC)
    assert cron.parse("15 2 * * *").next_tick(NOW.replace(month=12), "Europe/Paris").hour == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "five fields"),
        ("@daily", "five fields"),
        ("61 * * * *", "no valid minute"),
        ("* * 0 * *", "no valid day of month"),
        ("* * * foo *", "no valid month"),
        ("*/0 * * * *", "step"),
        ("5-1 * * * *", "forwards"),
        ("* * * * 0-0", "forwards"),
        ("0 0 31 2 *", "no such day"),
        ("0 0 1 * 1", "joins them with or"),
    ],
)
def test_what_is_no_schedule_is_refused_in_words(text: str, reason: str):
    with pytest.raises(ValidationError, match=reason):
        ScheduleSettings(retention_purge=text)


def test_zones_owners_and_runbooks_are_checked():
    with pytest.raises(ValidationError, match="time zone"):
        ScheduleSettings(timezone="Mars/Olympus")
    with pytest.raises(ValidationError):
        DashboardSettings(owner="somebody")
    with pytest.raises(ValidationError):
        DashboardSettings(runbooks="javascript:alert(1)")
    assert DashboardSettings(owner="team:data", runbooks="https://wiki.example.com/runbooks").owner == "team:data"
