"""One driver for every operation.

An operation is a generator that yields frozen events and returns a result; it never logs or prints, and no
transaction is open when it yields, so stopping between two events is always safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import TypeVar

Event = TypeVar("Event")
Result = TypeVar("Result")


class Interrupted(Exception):
    """The caller asked the operation to stop, and it did so after the step in hand."""


def drive(
    operation: Generator[Event, None, Result],
    on_event: Callable[[Event], None],
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Run an operation to its end, handing every event to `on_event`.

    Args:
        operation: the generator of events.
        on_event: called after each event's work is committed.
        should_stop: asked after each event; true ends the run cleanly.

    Returns:
        The operation's own result.

    Raises:
        Interrupted: `should_stop` said so; everything announced so far is committed.
    """
    try:
        while True:
            on_event(next(operation))
            if should_stop():
                raise Interrupted
    except StopIteration as end:
        return end.value
    finally:
        operation.close()


class Throttle:
    """Passes the first event, then one every `interval`: 10,000 batches are not 10,000 log rows.

    Args:
        interval: the least time between two passes.
        clock: monotonic seconds; tests pass their own.
    """

    def __init__(self, interval: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval.total_seconds()
        self._clock = clock
        self._last: float | None = None

    def __call__(self) -> bool:
        """Whether the event in hand should be shown."""
        now = self._clock()
        if self._last is not None and now - self._last < self._interval:
            return False
        self._last = now
        return True
