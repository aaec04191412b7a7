"""How hard a purge works: at full speed, or giving way to the sessions that write.

A gentle purge measures what it is gentle about. A probe on a connection of its own commits an empty WAL message
20 times a second, which waits for what a capturing writer's commit waits for, and notes whether a step of the purge
was at work meanwhile. Its batches are short; the purge rests more while the probes beside it are slower than a budget
over those without it, and works more while they are not. A pause by the clock alone was measured to buy almost nothing.
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
#: Share of time at work: where a gentle run starts, and its bounds. The least keeps a purge on a busy machine from
#: never ending; the most leaves gaps in which the probes can tell what is normal.
DUTY_START, DUTY_LEAST, DUTY_MOST = 0.5, 0.25, 0.8
#: How long a gentle batch's delete takes: about 1,000 changes. Beside such batches with rests as long, a writer's
#: 99th percentile was that of an idle database; beside batches five times as long it doubled, however long the rests.
#: Smaller ones cost more in round trips than they spare the writers.
GENTLE_TARGET = timedelta(milliseconds=8)


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
        if sizer.limits is not None:
            sizer.limits = replace(sizer.limits, target=min(sizer.limits.target, GENTLE_TARGET))
        super().__init__(sizer)
        self.latency = latency
        self.duty = DUTY_START
        self._seconds = 0.0

    def observe(self, changes: int, seconds: float) -> None:
        """Hear of a committed step, and follow the probes."""
        self._seconds = seconds
        slow = self.latency.verdict()
        if slow is None:
            return
        self.duty = min(DUTY_MOST, max(DUTY_LEAST, self.duty * (0.8 if slow else 1.05)))

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
