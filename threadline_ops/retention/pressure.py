"""Reasons for a purge to wait: operators, locks, replicas, WAL, dead rows."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from threadline_ops.database import Database
from threadline_ops.retention.control import control
from threadline_ops.retention.policy import Policy
from threadline_ops.sections import RetentionSettings

#: Between two looks, in seconds: a pause takes effect within it, and looking costs two small queries.
INTERVAL = 0.5
_MB = 1 << 20


@dataclass(frozen=True)
class Budgets:
    """Beyond these a purge waits; None is no limit.

    Attributes:
        replication_lag_mb: WAL that the slowest replica has yet to replay.
        wal_mb_per_minute: WAL that the whole server writes, ours included.
        waiting_locks: sessions that wait for a lock on the audit tables.
        dead_rows: of an audit table, that autovacuum has yet to clean.
    """

    replication_lag_mb: int | None = None
    wal_mb_per_minute: int | None = None
    waiting_locks: int | None = None
    dead_rows: int | None = None


def budgets(settings: RetentionSettings, policy: Policy) -> Budgets:
    """The configured budgets; at full speed there are none, and only an operator's word counts."""
    if not policy.gentle:
        return Budgets()
    return Budgets(
        settings.most_replication_lag_mb,
        settings.most_wal_mb_per_minute,
        settings.most_waiting_locks,
        settings.most_dead_rows,
    )


@dataclass(frozen=True)
class Pressure:
    """What the server said at one look.

    Attributes:
        on: what sessions wait for, in words.
        lag: bytes of WAL that the slowest replica has yet to replay.
        waiting: sessions that wait for a lock.
        wal: bytes of WAL ever written.
        dead: rows that autovacuum has yet to clean.
    """

    on: str
    lag: int
    waiting: int
    wal: int
    dead: int


@dataclass
class Watch:
    """Looks at the server now and then, and says why to wait.

    Args:
        database: a connection of its own; may be asked by several threads.
        budgets: what is tolerated.
        clock: monotonic seconds; tests pass their own.
    """

    database: Database
    budgets: Budgets
    clock: Callable[[], float] = time.monotonic
    batch_size: int | None = None
    full_speed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _looked: float | None = None
    _reason: str | None = None
    _wal: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def reason(self) -> str | None:
        """Why the purge should wait at present; None when it need not."""
        with self._lock:
            now = self.clock()
            if self._looked is None or now - self._looked >= INTERVAL:
                self._looked = now
                self._reason = self._look(now)
            return self._reason

    def _look(self, now: float) -> str | None:
        asked = self._asked()
        if asked is not None:
            return asked
        if self.full_speed:
            return None
        seen = self._pressure()
        written = self._written(now, seen.wal)
        for value, budget, words in (
            (seen.waiting, self.budgets.waiting_locks, f"{{}} sessions wait for a lock on {seen.on}"),
            (seen.lag // _MB, self.budgets.replication_lag_mb, "a replica is {} MB behind"),
            (written // _MB, self.budgets.wal_mb_per_minute, "{} MB of WAL were written within a minute"),
            (seen.dead, self.budgets.dead_rows, "autovacuum is {} dead rows behind"),
        ):
            if budget is not None and value > budget:
                return words.format(value)
        return None

    def _asked(self) -> str | None:
        """Why an operator wants a rest; None when nobody does."""
        asked = control(self.database)
        self.batch_size, self.full_speed = asked.batch_size, asked.full_speed
        if asked.paused:
            return f"paused by {asked.changed_by}" + (f": {asked.reason}" if asked.reason else "")
        return None

    def _pressure(self) -> Pressure:
        schemas = {"audit": self.database.settings.audit_schema}
        with self.database.transaction(read_only=True):
            return Pressure("the audit tables", *self.database.one("retention/pressure", schemas))

    def _written(self, now: float, wal: int) -> int:
        """WAL of the last minute."""
        while self._wal and now - self._wal[0][0] > 60:
            self._wal.popleft()
        self._wal.append((now, wal))
        return wal - self._wal[0][1]
