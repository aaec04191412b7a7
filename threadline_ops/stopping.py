"""Cooperative stop: the first SIGINT or SIGTERM asks, and the step in hand still commits.

An exception thrown into the middle of a statement would leave the caller's count behind the server's, because
an autocommitted statement in flight still commits. A second signal acts as usual, for those in a hurry.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_requested() -> Generator[Callable[[], bool]]:
    """Yield a question, "has anybody asked to stop?"; handlers are put back at the end.

    Outside the main thread, where Python allows no handlers, the answer is always no.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    previous = {number: signal.getsignal(number) for number in _SIGNALS}

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        for number, handler in previous.items():
            signal.signal(number, handler)

    for number in _SIGNALS:
        signal.signal(number, ask)
    try:
        yield asked.is_set
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
