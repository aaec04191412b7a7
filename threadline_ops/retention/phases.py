"""The two phases of a purge: changes by slices of time, and what became empty by ranges of blocks."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from threadline_ops.database import Database
from threadline_ops.errors import Busy
from threadline_ops.progress import Throttle
from threadline_ops.retention.events import Paused, PurgeEvent
from threadline_ops.retention.pace import Pace
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope
from threadline_ops.retention.steps import LAST_UUID, Key, delete_slice, sweep_range
from threadline_ops.retention.tally import Tally

#: A rest is announced from this length on, and split into parts of at most it, so that a run can be stopped meanwhile.
ANNOUNCED_REST = 0.5
#: How many blocks a range of the sweep has. It starts small and grows while it stays within the pace's target.
RANGE_START, RANGE_LEAST, RANGE_MOST = 128, 1, 4096
#: Between two announcements of steps that deleted nothing.
HEARTBEAT = timedelta(seconds=1)
#: How often a step that met a lock or a time limit is tried again with half the changes.
PATIENCE = 6


@dataclass
class Budget:
    """Batches that the run may still take, shared by its workers."""

    batches: int
    deadline: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def over(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def take(self) -> bool:
        """Whether one more batch may begin."""
        if self.over():
            return False
        with self._lock:
            self.batches -= 1
            return self.batches >= 0

    def give_back(self) -> None:
        """The batch deleted nothing."""
        with self._lock:
            self.batches += 1


@dataclass
class Work:
    """What the workers of a run share.

    Attributes:
        policy: the rules.
        scope: what may go.
        tally: what went.
        budget: what may still be done.
        gate: called outside any transaction before each step; raises to stop the run, or returns why to wait.
        stopping: set when the run ends early; every worker finishes the step in hand.
        emptied: transactions go in the batch that empties them.
        sized: the batch size that an operator wants instead of the pace's, if any.
        hurried: whether an operator wants no rests between the steps.
        cut: the time was up before every phase had ended.
    """

    policy: Policy
    scope: Scope
    tally: Tally
    budget: Budget
    gate: Callable[[], str | None]
    stopping: threading.Event = field(default_factory=threading.Event)
    emptied: bool = False
    sized: Callable[[], int | None] = lambda: None
    hurried: Callable[[], bool] = lambda: False
    cut: bool = False

    def time_is_up(self) -> bool:
        """Whether to stop here; remembered, because then something may be left that counting changes does not show."""
        self.cut = self.cut or self.budget.over()
        return self.cut


def waited(work: Work) -> Generator[Paused]:
    """Wait while the gate names a reason."""
    while not work.stopping.is_set() and (reason := work.gate()) is not None and not work.budget.over():
        work.stopping.wait(ANNOUNCED_REST)
        yield work.tally.paused(reason, timedelta(seconds=ANNOUNCED_REST))


def rested(work: Work, pace: Pace) -> Generator[Paused]:
    """Rest as long as the pace asks for, announcing long rests."""
    left = pace.rest()
    while left > 0 and not work.stopping.is_set() and not work.hurried():
        part = min(left, ANNOUNCED_REST)
        work.stopping.wait(part)
        left -= part
        if part == ANNOUNCED_REST:
            yield work.tally.paused("commits beside the purge are slower than without it", timedelta(seconds=part))


def changes(database: Database, work: Work, pace: Pace, spans: deque[tuple[Key, str | None]]) -> Generator[PurgeEvent]:
    """Delete the changes of spans of time until no span is left."""
    while not work.stopping.is_set():
        try:
            after, until = spans.popleft()
        except IndexError:
            return
        yield from _span(database, work, pace, after, until)


def _span(database: Database, work: Work, pace: Pace, after: Key, until: str | None) -> Generator[PurgeEvent]:
    heartbeat = Throttle(HEARTBEAT)
    heartbeat()
    failures = 0
    while not work.stopping.is_set():
        yield from waited(work)
        if work.stopping.is_set() or not work.budget.take():
            return
        try:
            with pace.step():
                size = work.sized() or pace.sizer.size
                done = delete_slice(database, work.scope, after, until, size, emptied=work.emptied)
        except Busy as busy:
            work.budget.give_back()
            failures += 1
            if failures > PATIENCE or not pace.sizer.shrink():
                raise
            yield work.tally.paused(f"{busy.what}; trying fewer changes", timedelta(0))
            continue
        if done is None:
            work.budget.give_back()
            return
        after, failures = done.end, 0
        pace.sizer.observe(done.changes, done.deleting)
        pace.observe(done.changes, done.deleting.total_seconds())
        if done.changes:
            yield work.tally.batch(done.tables, done.emptied, done.duration)
        else:
            work.budget.give_back()
            if heartbeat():
                yield work.tally.swept(0, 0, done.duration)
        yield from rested(work, pace)


@dataclass
class Ranges:
    """Ranges of heap blocks, handed out to workers one by one."""

    blocks: int
    size: int = RANGE_START
    _next: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def take(self) -> tuple[int, int] | None:
        """The next range's first block and length."""
        with self._lock:
            if self._next >= self.blocks:
                return None
            first, self._next = self._next, self._next + self.size
            return first, self.size

    def observe(self, duration: float, target: float) -> None:
        """Keep a range near its target."""
        factor = max(0.5, min(2.0, target / max(duration, 0.001)))
        self.size = max(RANGE_LEAST, min(RANGE_MOST, round(self.size * factor)))


def sweep(database: Database, work: Work, pace: Pace, ranges: Ranges) -> Generator[PurgeEvent]:
    """Delete empty transactions until no range is left."""
    heartbeat = Throttle(HEARTBEAT)
    heartbeat()
    while not work.stopping.is_set() and (taken := ranges.take()) is not None:
        yield from waited(work)
        if work.stopping.is_set() or work.time_is_up():
            return
        started = time.monotonic()
        with pace.step():
            deleted = _patiently(database, *taken)
        seconds = time.monotonic() - started
        ranges.observe(seconds, pace.range_target)
        pace.observe(deleted, seconds)
        if deleted or heartbeat():
            yield work.tally.swept(taken[1], deleted, timedelta(seconds=seconds))
        yield from rested(work, pace)


def _patiently(database: Database, first: int, blocks: int) -> int:
    """Sweep a range; one that meets a lock or a time limit is cut in two, down to single blocks."""
    try:
        return sweep_range(database, first, blocks)
    except Busy:
        if blocks == 1:
            raise
    half = blocks // 2
    return _patiently(database, first, half) + _patiently(database, first + half, blocks - half)


def spans_of(scope: Scope, oldest: datetime | None, workers: int) -> deque[tuple[Key, str | None]]:
    """Disjoint spans of time that together hold everything that may be expired.

    More spans than workers, because history is not spread evenly over time.
    """
    parts = 1 if workers == 1 or oldest is None or oldest >= scope.until else workers * 8
    if parts == 1 or oldest is None:
        return deque([(Key(), None)])
    step = (scope.until - oldest) / parts
    edges = [(oldest + step * n).isoformat() for n in range(1, parts)]
    # A span begins after every key of the moment before it: no id is greater than this, and times have microseconds.
    starts = [Key(), *(_before(oldest + step * n) for n in range(1, parts))]
    return deque(zip(starts, [*edges, None], strict=True))


def _before(moment: datetime) -> Key:
    return Key((moment - timedelta(microseconds=1)).isoformat(), LAST_UUID)
