"""Several generators of events as one, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

Event = TypeVar("Event")


class _Ended:
    """A worker has ended, with an error or without."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def merged(works: Iterable[Callable[[], Generator[Event]]], stopping: threading.Event) -> Generator[Event]:
    """Yield the events of all works as they come.

    When one fails, or the caller closes the generator, the others finish the step in hand and end; the first error
    is raised then. So nothing runs on behind the caller's back.

    Args:
        works: one function a thread, which opens what it needs and yields events.
        stopping: watched by the works, set here.
    """
    events: queue.SimpleQueue[Event | _Ended] = queue.SimpleQueue()
    threads = [threading.Thread(target=_run, args=(work, events), name=f"purge-{n}") for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    errors: list[BaseException] = []
    try:
        alive = len(threads)
        while alive:
            event = events.get()
            if not isinstance(event, _Ended):
                yield event
                continue
            alive -= 1
            if event.error is not None:
                errors.append(event.error)
                stopping.set()
    finally:
        if any(thread.is_alive() for thread in threads):
            stopping.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


def _run(work: Callable[[], Generator[Event]], events: queue.SimpleQueue[Event | _Ended]) -> None:
    error: BaseException | None = None
    try:
        for event in work():
            events.put(event)
    except BaseException as raised:
        error = raised
    events.put(_Ended(error))
