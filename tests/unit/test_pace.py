"""A gentle purge's batches follow what commits beside them cost."""

from datetime import timedelta

import pytest

from threadline_ops.retention.pace import ENOUGH, TARGET_LEAST, TARGET_MOST, TARGET_START, Gentle, Latency
from threadline_ops.retention.sizing import Limits, Sizer


def heard(pace: Gentle, *, beside: float, alone: float) -> None:
    """A batch of 1,000 changes has ended, and so many probes say how long commits take, in seconds."""
    pace.latency.beside.extend([beside] * ENOUGH)
    pace.latency.alone.extend([alone] * ENOUGH)
    pace.latency.fresh = ENOUGH
    pace.sizer.observe(1_000, timedelta(seconds=pace.target))
    pace.observe(1_000, pace.target)


@pytest.fixture
def pace() -> Gentle:
    return Gentle(Sizer(1_000, Limits()), Latency(ratio=1.5))


def test_batches_are_short_from_the_start(pace: Gentle):
    assert pace.target == TARGET_START
    assert pace.range_target == 2 * TARGET_START
    heard(pace, beside=0.001, alone=0.001)
    assert 0 < pace.rest() < pace.target


def test_slow_commits_beside_batches_shorten_them_to_a_least(pace: Gentle):
    for _ in range(100):
        heard(pace, beside=0.050, alone=0.001)
    assert pace.target == TARGET_LEAST


def test_quick_commits_beside_batches_lengthen_them_to_a_most(pace: Gentle):
    for _ in range(100):
        heard(pace, beside=0.0011, alone=0.001)
    assert pace.target == TARGET_MOST


def test_a_shorter_target_of_the_operator_holds():
    pace = Gentle(Sizer(1_000, Limits(target=timedelta(milliseconds=3))), Latency(ratio=1.5))
    for _ in range(100):
        heard(pace, beside=0.001, alone=0.001)
    assert pace.target == 0.003


def test_too_few_probes_change_nothing(pace: Gentle):
    pace.latency.beside.extend([0.050] * (ENOUGH - 1))
    pace.latency.fresh = ENOUGH - 1
    pace.observe(1_000, pace.target)
    assert pace.target == TARGET_START
