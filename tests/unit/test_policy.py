from datetime import UTC, datetime, timedelta

import pytest

from threadline_ops.errors import PolicyError
from threadline_ops.retention import Policy
from threadline_ops.sections import RetentionSettings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_cutoff_is_now_minus_the_window():
    policy = Policy.from_settings(RetentionSettings(keep_days=30))
    assert policy.cutoff(NOW) == datetime(2026, 5, 2, 12, tzinfo=UTC)


def test_seconds_are_a_window_too():
    policy = Policy.from_settings(RetentionSettings(max_age_seconds=90))
    assert policy.cutoff(NOW) == NOW - timedelta(seconds=90)


def test_an_older_cutoff_is_allowed_and_a_newer_one_is_not():
    policy = Policy.from_settings(RetentionSettings(keep_days=30))
    limit = policy.cutoff(NOW)
    assert policy.cutoff(NOW, limit) == limit
    older = limit - timedelta(microseconds=1)
    assert policy.cutoff(NOW, older) == older
    with pytest.raises(PolicyError, match="newer than the policy's"):
        policy.cutoff(NOW, limit + timedelta(microseconds=1))


def test_a_cutoff_in_another_zone_is_compared_as_a_moment():
    policy = Policy.from_settings(RetentionSettings(keep_days=1))
    same = datetime.fromisoformat("2026-05-31T14:00:00+02:00")
    assert policy.cutoff(NOW, same) == datetime(2026, 5, 31, 12, tzinfo=UTC)


def test_a_naive_cutoff_is_refused():
    with pytest.raises(PolicyError, match="no time zone"):
        Policy.from_settings(RetentionSettings(keep_days=1)).cutoff(NOW, datetime(2020, 1, 1))


def test_no_window_is_an_error_that_names_both_settings():
    with pytest.raises(PolicyError, match=r"retention\.keep_days and retention\.max_age_seconds"):
        Policy.from_settings(RetentionSettings())


@pytest.mark.parametrize("days", [10**7, 10**12])
def test_a_window_beyond_the_calendar_is_an_error(days: int):
    with pytest.raises(PolicyError, match="window"):
        Policy.from_settings(RetentionSettings(keep_days=days)).cutoff(NOW)


@pytest.mark.parametrize("steps", [{"batch_size": 0}, {"batch_size": -1}, {"batch_size": 50_001}, {"max_batches": 0}])
def test_absurd_steps_are_refused(steps: dict[str, int]):
    with pytest.raises(PolicyError, match=next(iter(steps))):
        Policy.from_settings(RetentionSettings(keep_days=1), **steps)


def test_a_policy_is_disabled_unless_it_says_otherwise():
    assert Policy.from_settings(RetentionSettings(keep_days=1)).enabled is False
