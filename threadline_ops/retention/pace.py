"""How hard a purge works: at full speed, or giving way to the sessions that write.

A gentle purge measures what it is gentle about. A probe on a connection of its own commits an empty WAL message
20 times a second, which waits for what a capturing writer's commit waits for, and notes whether a step of the purge
was at work meanwhile. Its batches are short, with rests between them; they become shorter while the probes beside them
are slower than a budget over those without one, and longer while they are not. Where the size of a step is given, the
rests follow instead.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta

from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError
from threadline_ops.retention.sizing import Sizer

#: Between two probes, in seconds. Each waits for a flush of the disk, and so may a writer's commit that meets it.
PROBE_INTERVAL = 0.05
#: Probes that a quantile is taken of.
SAMPLES = 120
#: Fewer say nothing about the slow ones.
ENOUGH = 10
#: A difference of this much, in seconds, is the machine's own noise.
NOISE = 0.002
#: How long a range of the sweep takes at full speed, in seconds.
RANGE_TARGET = 0.25
#: Share of time at work of runs whose steps have a fixed size: where it starts, and its bounds. The least keeps a run
#: on a busy machine from never ending; the most leaves gaps in which the probes can tell what is normal.
DUTY_START, DUTY_LEAST, DUTY_MOST = 0.5, 0.25, 0.75
#: How long a gentle batch's delete takes, in seconds: where it starts, and its bounds; and the share of time at work.
#: What a commit beside a step waits for grows with the step's length, and hardly with the share of time; below the
#: least it shrinks no more, and round trips are most of the time.
TARGET_START, TARGET_LEAST, TARGET_MOST, TARGET_DUTY = 0.005, 0.004, 0.010, 0.65
#: What is made of the length of a step, or of the share of time, when commits beside the steps are slow, and else.
SHRINK, GROW = 0.8, 1.05


def _deque() -> deque[float]:
    return deque(maxlen=SAMPLES)


@dataclass
class Latency:
    """What a small commit takes, with and without the purge at work beside it."""

    ratio: float
    beside: deque[float] = field(default_factory=_deque)
    alone: deque[float] = field(default_factory=_deque)
    working: int = 0
    fresh: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def step(self) -> Generator[None]:
        """Around each step of any worker."""
        with self.lock:
            self.working += 1
        try:
            yield
        finally:
            with self.lock:
                self.working -= 1

    def probe(self, database: Database) -> None:
        """Measure one commit; a step that begins or ends meanwhile counts as beside it."""
        before = self.working
        started = time.perf_counter()
        with database.transaction():
            database.one("retention/probe")
        took = time.perf_counter() - started
        if before or self.working:
            self.beside.append(took)
            self.fresh += 1
        else:
            self.alone.append(took)

    def verdict(self) -> bool | None:
        """Whether writers feel the purge more than they should; None until enough new probes say."""
        if self.fresh < ENOUGH or len(self.alone) < ENOUGH:
            return None
        self.fresh = 0
        usual = _slow(self.alone)
        return _slow(self.beside) > max(self.ratio * usual, usual + NOISE)


def _slow(samples: deque[float]) -> float:
    return statistics.quantiles(list(samples), n=20)[-2]  # the 90th percentile


class Pace:
    """At full speed: only the batch size follows its target."""

    def __init__(self, sizer: Sizer) -> None:
        self.sizer = sizer

    @property
    def range_target(self) -> float:
        """Seconds that a range of the sweep should take."""
        return RANGE_TARGET

    def observe(self, changes: int, seconds: float) -> None:
        """Hear of a committed step."""

    def step(self) -> AbstractContextManager[None]:
        """Around each step."""
        return nullcontext()

    def rest(self) -> float:
        """Seconds to rest before the next step."""
        return 0.0


class Gentle(Pace):
    """Gives way to writers.

    Args:
        sizer: shrinks and grows within its limits.
        latency: fed by `probing`.
    """

    def __init__(self, sizer: Sizer, latency: Latency) -> None:
        super().__init__(sizer)
        self.latency = latency
        self._most = sizer.limits.target if sizer.limits else timedelta(0)
        self.duty = TARGET_DUTY if sizer.limits else DUTY_START
        self._seconds = 0.0
        self._aim(TARGET_START)

    @property
    def range_target(self) -> float:
        """Twice a batch's: the round trips of a range, which stand in nobody's way, take as long as its deletes."""
        return 2 * self.target

    @property
    def target(self) -> float:
        """Seconds that a step should take."""
        return self.sizer.limits.target.total_seconds() if self.sizer.limits else TARGET_START

    def observe(self, changes: int, seconds: float) -> None:
        """Hear of a committed step, and follow the probes."""
        self._seconds = seconds
        slow = self.latency.verdict()
        if slow is None:
            return
        factor = SHRINK if slow else GROW
        if self.sizer.limits is not None:
            self._aim(min(TARGET_MOST, max(TARGET_LEAST, self.target * factor)))
        else:
            self.duty = min(DUTY_MOST, max(DUTY_LEAST, self.duty * factor))

    def _aim(self, seconds: float) -> None:
        if self.sizer.limits is not None:
            self.sizer.limits = replace(self.sizer.limits, target=min(self._most, timedelta(seconds=seconds)))

    def step(self) -> AbstractContextManager[None]:
        """Tell the probes that a step is at work."""
        return self.latency.step()

    def rest(self) -> float:
        """Long enough that the steps take their share of the time and no more."""
        return self._seconds * (1 / self.duty - 1)


@contextmanager
def probing(latency: Latency, connect: Callable[[], AbstractContextManager[Database]]) -> Generator[None]:
    """Probe for the length of a `with`; losing the probe's connection ends the probing, not the run."""
    done = threading.Event()

    def work(database: Database) -> None:
        while not done.wait(PROBE_INTERVAL):
            try:
                latency.probe(database)
            except DatabaseError:
                return

    with connect() as database:
        thread = threading.Thread(target=work, args=(database,), name="retention-probe", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
