"""Between two chunks: giving way to writers, and to whoever waits for the table.

What is watched and how it is weighed is the purge's; only what a reader can do about it differs. A chunk holds nothing
that a writer waits for, so a gentle reader starts near full speed, and its chunks stay as long as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from threadline_ops.continuity.events import Rested
from threadline_ops.continuity.relation import Relation
from threadline_ops.database import Database
from threadline_ops.retention.pace import DUTY_MOST, Gentle, Latency, Pace, probing
from threadline_ops.retention.pressure import Budgets, Pressure, Watch
from threadline_ops.retention.sizing import Sizer
from threadline_ops.sections import ContinuitySettings

Connect = Callable[[], AbstractContextManager[Database]]

#: A rest is announced from this length on, in seconds, and split into parts of it, so that a run can be stopped.
ANNOUNCED_REST = 0.5


def full_speed() -> Pace:
    """A pace that never rests."""
    return Pace(Sizer(1))


@dataclass
class Throttle:
    """When the next chunk may begin.

    Attributes:
        gate: asked outside any transaction; raises to stop the run, or says why to wait.
        pace: how much of the time to work.
        sleep: waits for seconds; tests pass their own.
    """

    gate: Callable[[], str | None] = lambda: None
    pace: Pace = field(default_factory=full_speed)
    sleep: Callable[[float], None] = time.sleep

    def waits(self, table: str) -> Generator[Rested]:
        """Wait while the gate names a reason, then as long as the pace asks for; announces long rests."""
        while (reason := self.gate()) is not None:
            yield self.rest(table, reason)
        left = self.pace.rest()
        while left >= ANNOUNCED_REST:
            left -= ANNOUNCED_REST
            yield self.rest(table, "commits beside the run are slower than without it")
        self.sleep(left)

    def rest(self, table: str, reason: str) -> Rested:
        """One announced rest."""
        self.sleep(ANNOUNCED_REST)
        return Rested(table, reason, timedelta(seconds=ANNOUNCED_REST))


class TableWatch(Watch):
    """Watches the table that is read: a waiting ALTER TABLE holds up every writer behind it.

    Operators' pauses are for purges; a baseline is paused by stopping it, because it resumes.
    """

    def __init__(
        self,
        database: Database,
        budgets: Budgets,
        relation: Relation,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(database, budgets, clock)
        self.relation = relation

    def _asked(self) -> str | None:
        return None

    def _pressure(self) -> Pressure:
        with self.database.transaction(read_only=True):
            lag, waiting, wal = self.database.one("continuity/pressure", {"oid": self.relation.oid})
        return Pressure("the table", lag, waiting, wal, 0)


@contextmanager
def throttled(
    connect: Connect, relation: Relation, settings: ContinuitySettings, check: Callable[[], None]
) -> Generator[Throttle]:
    """The throttle that the settings ask for.

    Args:
        connect: opens the connections that look and probe.
        relation: the table that is read.
        settings: whether to be gentle, and the budgets.
        check: raises to stop the run, such as when its lock is lost.
    """
    if not settings.gentle:
        yield Throttle(lambda: check())
        return
    budgets = Budgets(settings.most_replication_lag_mb, None, settings.most_waiting_locks)
    latency = Latency(settings.latency_ratio)
    pace = Gentle(Sizer(1), latency)
    pace.duty = DUTY_MOST
    with connect() as watching:
        watch = TableWatch(watching, budgets, relation)

        def gate() -> str | None:
            check()
            return watch.reason()

        if watching.identity().in_recovery:
            # A standby's commits wait for nothing that could be probed.
            yield Throttle(gate)
            return
        with probing(latency, connect):
            yield Throttle(gate, pace)
