"""A purge waits for what it must not disturb, says why, and goes on."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.audit import NOW, bulk, count, settings_for
from threadline_ops.database import opened
from threadline_ops.errors import PolicyError
from threadline_ops.retention import BatchDeleted, Paused, Policy, phases, purge
from threadline_ops.retention.control import control, steer
from threadline_ops.retention.pace import Pace
from threadline_ops.retention.pressure import INTERVAL, Budgets, Watch
from threadline_ops.retention.scope import scope_of
from threadline_ops.retention.sizing import Sizer
from threadline_ops.retention.steps import Key
from threadline_ops.retention.tally import Tally
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path / "evidence")


class Clock:
    """Each reading is later than the one before by more than the watch's interval."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += INTERVAL + 0.1
        return self.now


def test_an_operator_pauses_a_running_purge_and_changes_its_batch_size(settings: Settings, connection):
    bulk(connection, transactions=100, per_transaction=3, days=120, now=NOW)
    policy = Policy(window=timedelta(days=90), enabled=True, batch_size=10)
    with opened(settings, "test") as database, opened(settings, "test") as watching, opened(settings, "op") as operator:
        watch = Watch(watching, Budgets(), Clock())
        work = purge(database, policy, now=NOW, execute=True, before_batch=watch.reason, sized=lambda: watch.batch_size)
        first = next(work)
        assert isinstance(first, BatchDeleted)
        steer(operator, paused=True, reason="month end")
        paused = next(work)
        assert isinstance(paused, Paused)
        assert paused.reason == "paused by postgres: month end"
        assert count(connection, "audit_changes") == 290, "it rests outside any batch"
        steer(operator, paused=False, batch_size=25, full_speed=True)
        assert control(operator).batch_size == 25
        rest = [event.deleted_changes for event in work]
    assert watch.full_speed
    assert rest[0] == 25
    assert 10 + sum(rest) == 300 - count(connection, "audit_changes")


def test_an_operator_ends_the_rests_of_a_gentle_purge(settings: Settings, connection):
    bulk(connection, transactions=100, per_transaction=3, days=120, now=NOW)
    policy = Policy(window=timedelta(days=90), enabled=True, batch_size=10)
    hurry = False
    asked: list[bool] = []

    class Slow(Pace):
        def rest(self) -> float:
            asked.append(hurry)
            return 0.0 if len(asked) < 2 else 3600.0

    with opened(settings, "test") as database:
        work = phases.Work(
            policy, scope_of(database, policy, NOW), Tally(), phases.Budget(99), lambda: None, hurried=lambda: hurry
        )
        events = phases.changes(database, work, Slow(Sizer(10)), deque([(Key(), None)]))
        assert [type(next(events)) for _ in range(3)] == [BatchDeleted, BatchDeleted, Paused]
        hurry = True
        assert all(isinstance(event, BatchDeleted) for event in events)


def test_a_batch_size_out_of_bounds_is_refused(settings: Settings):
    with opened(settings, "op") as operator, pytest.raises(PolicyError, match="batch_size"):
        steer(operator, paused=False, batch_size=0)


def test_sessions_that_wait_for_an_audit_table_are_a_reason(settings: Settings, connection: psycopg.Connection):
    dsn, password = connection.info.dsn, connection.info.password

    def wait() -> None:
        with psycopg.connect(dsn, password=password) as second:
            second.execute("lock table audit_changes in exclusive mode")

    with opened(settings, "test") as watching, ThreadPoolExecutor(1) as pool:
        watch = Watch(watching, Budgets(waiting_locks=0), Clock())
        assert watch.reason() is None
        with psycopg.connect(dsn, password=password) as first:
            first.execute("lock table audit_changes in share mode")
            waiter = pool.submit(wait)
            reason = None
            for _ in range(2000):
                if reason := watch.reason():
                    break
                connection.execute("select pg_sleep(0.005)")
            assert reason == "1 sessions wait for a lock on the audit tables"
        waiter.result(timeout=10)
        assert watch.reason() is None


def test_dead_rows_and_wal_are_reasons(settings: Settings, connection: psycopg.Connection):
    connection.execute("alter table audit_changes set (autovacuum_enabled = off)")
    bulk(connection, transactions=200, per_transaction=3, days=120, now=NOW)
    with opened(settings, "test") as watching:
        dead = Watch(watching, Budgets(dead_rows=500), Clock())
        wal = Watch(watching, Budgets(wal_mb_per_minute=2), Clock())
        assert (dead.reason(), wal.reason()) == (None, None)
        connection.execute("delete from audit_changes")
        connection.execute("select pg_logical_emit_message(false, 'x', repeat('x', 4000000))")
        connection.execute("select pg_stat_force_next_flush()")
        assert dead.reason() == "autovacuum is 600 dead rows behind"
        assert wal.reason() is not None
        assert "MB of WAL" in (wal.reason() or "")
        later = wal.clock
        assert isinstance(later, Clock)
        later.now += 61
        assert wal.reason() is None, "a minute later it is history"
