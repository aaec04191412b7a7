from collections.abc import Generator
from datetime import timedelta

import pytest

from threadline_ops.progress import Interrupted, Throttle, drive


def counting(closed: list[bool]) -> Generator[int, None, str]:
    try:
        yield 1
        yield 2
    finally:
        closed.append(True)
    return "done"


def test_drive_hands_over_every_event_and_returns_the_result():
    seen: list[int] = []
    assert drive(counting([]), seen.append) == "done"
    assert seen == [1, 2]


def test_drive_stops_after_the_event_in_hand_and_closes_the_operation():
    seen: list[int] = []
    closed: list[bool] = []
    with pytest.raises(Interrupted):
        drive(counting(closed), seen.append, should_stop=lambda: True)
    assert seen == [1]
    assert closed == [True]


def test_the_first_event_passes_then_one_an_interval():
    times = iter([0.0, 1.0, 9.9, 10.0, 10.1, 25.0])
    throttle = Throttle(timedelta(seconds=10), clock=lambda: next(times))
    assert [throttle() for _ in range(6)] == [True, False, False, True, False, True]
