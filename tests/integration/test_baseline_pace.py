"""A baseline gives way: to whoever waits for the table, to locks, and to writers whose commits get slow."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.continuity import capture, settings_for
from threadline_ops.continuity import ChunkWritten, Rested, run_baseline, store, take
from threadline_ops.continuity.relation import relation
from threadline_ops.continuity.throttle import TableWatch, Throttle, throttled
from threadline_ops.database import opened
from threadline_ops.errors import Busy
from threadline_ops.progress import drive
from threadline_ops.retention.pace import DUTY_START, ENOUGH, Gentle, Latency
from threadline_ops.retention.pressure import INTERVAL, Budgets
from threadline_ops.retention.sizing import Sizer
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    connection.execute("create table things (id int primary key, v text)")
    connection.execute("insert into things select i, 'v' || i from generate_series(1, 20) i")
    made = settings_for(audited, tmp_path)
    capture(made, "things")
    return made


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += INTERVAL + 0.1
        return self.now


def taken(settings: Settings, **named):
    with opened(settings, "tests") as database:
        events = []
        work = take(database, store(settings), "things", capture=settings.capture, limits=settings.continuity, **named)
        return drive(work, events.append), events


def test_a_session_that_waits_for_the_table_is_a_reason_to_rest(settings: Settings, connection: psycopg.Connection):
    dsn, password = connection.info.dsn, connection.info.password

    def wait() -> None:
        with psycopg.connect(dsn, password=password) as second:
            second.execute("lock table things in access exclusive mode")

    with opened(settings, "test") as watching, ThreadPoolExecutor(1) as pool:
        with watching.transaction(read_only=True):
            found = relation(watching, "things")
        watch = TableWatch(watching, Budgets(waiting_locks=0), found, Clock())
        assert watch.reason() is None
        with psycopg.connect(dsn, password=password) as first:
            first.execute("lock table things in access share mode")
            waiter = pool.submit(wait)
            reason = None
            for _ in range(2000):
                if reason := watch.reason():
                    break
                connection.execute("select pg_sleep(0.005)")
            assert reason == "1 sessions wait for a lock on the table"
        waiter.result(timeout=10)
        assert watch.reason() is None


def test_rests_are_announced_between_chunks_and_change_nothing(settings: Settings):
    reasons = deque([None, "month end", None])
    result, events = taken(settings, before_chunk=lambda: reasons.popleft() if reasons else None)
    assert [type(event) for event in events] == [Rested, ChunkWritten, ChunkWritten, ChunkWritten]
    rest = events[0]
    assert (rest.reason, rest.duration) == ("month end", timedelta(seconds=0.5))
    assert (result.rows, result.chunks) == (20, 3)


def test_a_chunk_that_meets_a_lock_is_tried_again_with_fewer_rows(settings: Settings, connection):
    impatient = settings.model_copy(update={"database": settings.database.model_copy(update={"lock_timeout_ms": 50})})
    with (
        psycopg.connect(connection.info.dsn, password=connection.info.password) as other,
        opened(impatient, "tests") as database,
    ):
        limits = settings.continuity
        work = take(database, store(settings), "things", capture=settings.capture, limits=limits)
        next(work)
        other.execute("lock table things in access exclusive mode")
        rest = next(event for event in work if isinstance(event, Rested))
        assert "a lock was not granted in time" in rest.reason
        other.rollback()
        result = drive(work, lambda _: None)
    assert (result.rows, result.outcome) == (20, "complete")


def test_a_lock_that_stays_ends_the_run(settings: Settings, connection, monkeypatch):
    monkeypatch.setattr("threadline_ops.continuity.throttle.ANNOUNCED_REST", 0.001)
    impatient = settings.model_copy(update={"database": settings.database.model_copy(update={"lock_timeout_ms": 5})})
    with (
        psycopg.connect(connection.info.dsn, password=connection.info.password) as other,
        opened(impatient, "tests") as database,
    ):
        work = take(database, store(settings), "things", capture=settings.capture, limits=settings.continuity)
        next(work)
        other.execute("lock table things in access exclusive mode")
        with pytest.raises(Busy):
            drive(work, lambda _: None)


def test_slow_commits_beside_it_make_a_gentle_run_rest_longer():
    latency = Latency(ratio=1.5)
    slept: list[float] = []
    throttle = Throttle(pace=Gentle(Sizer(1), latency), sleep=slept.append)
    latency.alone.extend([0.001] * ENOUGH)
    latency.beside.extend([0.050] * ENOUGH)
    latency.fresh = ENOUGH
    throttle.pace.observe(1, 1.0)
    rests = list(throttle.waits("public.things"))
    assert sum(slept) == pytest.approx(1.0 * (1 / (DUTY_START * 0.8) - 1))
    assert {rest.reason for rest in rests} == {"commits beside the run are slower than without it"}
    latency.beside.clear()
    latency.beside.extend([0.001] * ENOUGH)
    latency.fresh = ENOUGH
    throttle.pace.observe(1, 1.0)
    slept.clear()
    list(throttle.waits("public.things"))
    assert sum(slept) == pytest.approx(1.0 * (1 / (DUTY_START * 0.8 * 1.05) - 1))


@pytest.mark.parametrize("gentle", [True, False])
def test_a_whole_run_heeds_the_settings(settings: Settings, gentle: bool):
    chosen = settings.model_copy(update={"continuity": settings.continuity.model_copy(update={"gentle": gentle})})
    with opened(settings, "tests") as database, database.transaction(read_only=True):
        found = relation(database, "things")
    with throttled(lambda: opened(settings, "tests"), found, chosen.continuity, lambda: None) as throttle:
        assert isinstance(throttle.pace, Gentle) == gentle
        assert throttle.gate() is None
    assert run_baseline(chosen, "things").result.rows == 20
