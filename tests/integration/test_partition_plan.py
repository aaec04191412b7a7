"""The plan as it is printed, carried out on a real server beside writers: no row lost, nobody kept waiting, and back."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests.audit import bulk, count, settings_for
from tests.command import command, environment
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.errors import UnsafeDatabase
from threadline_ops.periods import Period
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.retention.partition_plan import partition_plan
from threadline_ops.settings import Settings

DAY = timedelta(days=1)
#: The plan's own lock timeout, and as much again for a busy machine.
BOUND = 1.0


def printed(dsn: str, *arguments: str) -> dict:
    words = ("partition", "plan", *arguments)
    for_people, for_machines = (
        command(environment(DSN=dsn), Path.cwd(), *words, *options) for options in ((), ("--json",))
    )
    assert (for_people.returncode, for_machines.returncode) == (0, 0), for_people.stderr + for_machines.stderr
    plan = json.loads(for_machines.stdout)
    for step in plan["steps"]:
        assert step["sql"] in for_people.stdout
        assert f"-- Locks: {step['locks']}." in for_people.stdout
    for step in plan["back_out"]:
        assert all(f"-- {line}" in for_people.stdout for line in step["sql"].splitlines())
    return plan


def run(connection: psycopg.Connection, text: str) -> str:
    """As psql runs it: one statement after the other; a step that met a lock is run again, as it says."""
    for _ in range(20):
        try:
            cursor = connection.execute(text)
        except psycopg.errors.LockNotAvailable:
            connection.rollback()
            continue
        while cursor.nextset():
            pass
        return cursor.statusmessage or ""
    raise AssertionError("the step never got its lock")


class Writers:
    """Captured writes without pause, each timed."""

    def __init__(self, dsn: str) -> None:
        self.dsn, self.done = dsn, threading.Event()
        self.longest: list[float] = []

    def write(self, worker: int) -> int:
        written, longest = 0, 0.0
        with psycopg.connect(self.dsn, autocommit=True) as own:
            while not self.done.is_set():
                started = time.monotonic()
                written += 1
                own.execute("insert into bookings values (%s, 'x')", (worker * 1_000_000 + written,))
                longest = max(longest, time.monotonic() - started)
        self.longest.append(longest)
        return written


@pytest.fixture
def busy(audited_directly: str, connection: psycopg.Connection) -> psycopg.Connection:
    """History of 120 days, and a captured table."""
    bulk(connection, transactions=1000, per_transaction=3, days=120, now=datetime.now(UTC))
    connection.execute("create table bookings (id int primary key, note text)")
    with opened(Settings(dsn=SecretStr(audited_directly)), "test") as database:
        list(apply(database, [Table("public", "bookings")]))
    return connection


def ids(connection: psycopg.Connection) -> set:
    return {row[0] for row in connection.execute("select id from audit_changes")}


def shape(connection: psycopg.Connection) -> list:
    """What readers and capture rely on: columns, indexes, constraints, owner and rights."""
    (described,) = connection.execute(
        """
        select array[
            (select string_agg(attname || ' ' || format_type(atttypid, atttypmod) || attnotnull, ',' order by attnum)
                from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
            (select string_agg(column_default, ',' order by ordinal_position) from information_schema.columns
                where table_name = 'audit_changes'),
            (select string_agg(replace(pg_get_indexdef(indexrelid), ' ONLY', ''), ',' order by indexrelid::regclass::text)
                from pg_index where indrelid = c.oid and not indisunique),
            (select string_agg(conname || pg_get_constraintdef(oid), ',' order by conname)
                from pg_constraint where conrelid = c.oid and contype in ('c', 'f')),
            relacl::text, relowner::regrole::text]
        from pg_class as c where oid = 'audit_changes'::regclass
        """
    ).fetchone()
    return described


def test_the_printed_way_there_and_back_loses_no_row_and_keeps_no_writer_waiting(
    audited_directly: str, busy: psycopg.Connection
):
    busy.execute("grant select on audit_changes to public; grant select (op) on audit_changes to pg_monitor")
    before, described = ids(busy), shape(busy)
    plan = printed(audited_directly, "--every", "month", "--ahead", "3")
    writers = Writers(audited_directly)
    with ThreadPoolExecutor(2) as pool:
        written = [pool.submit(writers.write, n) for n in (1, 2)]
        try:
            for step in plan["steps"]:
                run(busy, step["sql"])
            there = ids(busy)
            # As if the bound had come: writes go into a partition of their own, and into the default one.
            busy.execute(
                "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
                " select id, 'public', 'later', '{}', 'delete', now() + n * interval '70 days'"
                " from (select id from audit_transactions limit 1) as t, generate_series(1, 3) as n"
            )
            assert shape(busy) == described
            switch_back, move, clean = (step["sql"] for step in plan["back_out"])
            run(busy, switch_back)
            while run(busy, move) != "INSERT 0 0":
                pass
            run(busy, clean)
        finally:
            writers.done.set()
        total = sum(each.result(timeout=30) for each in written)
    assert before <= there <= ids(busy)
    assert shape(busy) == described
    captured = busy.execute("select count(*) from audit_changes where table_name = 'bookings'").fetchone()
    assert captured == (total,) == (count(busy, "bookings"),)
    assert busy.execute("select count(*) from audit_changes where table_name = 'later'").fetchone() == (3,)
    assert busy.execute("select relkind from pg_class where oid = 'audit_changes'::regclass").fetchone() == ("r",)
    left = busy.execute(
        "select relname from pg_class where relname ~ '^audit.*(before|undone|_p20|default)'"
    ).fetchall()
    assert left == []
    assert max(writers.longest) < BOUND


def test_each_step_before_the_switch_can_be_backed_out(audited_directly: str, busy: psycopg.Connection):
    plan = printed(audited_directly)
    described = shape(busy)
    for step in plan["steps"][:2]:
        run(busy, step["sql"])
        run(busy, step["back_out"])
        assert shape(busy) == described
        run(busy, plan["steps"][0]["sql"])


def test_the_old_table_goes_by_rows_and_whole_when_its_bound_is_past(
    audited_directly: str, busy: psycopg.Connection, tmp_path: Path
):
    for step in printed(audited_directly, "--every", "week", "--ahead", "2")["steps"]:
        run(busy, step["sql"])
    settings = settings_for(audited_directly, tmp_path)
    by_rows = run_purge(settings, PurgeRequest(execute=True)).result
    assert by_rows is not None
    assert (by_rows.outcome, by_rows.partitions) == ("complete", ())
    assert by_rows.deleted_changes > 500
    plan = printed(audited_directly, "--every", "week", "--ahead", "5")
    assert plan["partitioned"]
    assert plan["back_out"] == []
    (step,) = plan["steps"]
    run(busy, step["sql"])
    assert printed(audited_directly, "--every", "week", "--ahead", "5")["steps"] == []


def test_what_renaming_would_leave_behind_is_named(audited_directly: str, busy: psycopg.Connection):
    busy.execute(
        "create view changes_of_today as select * from audit_changes where captured_at > now() - interval '1 day'"
    )
    busy.execute("create publication warehouse for table audit_changes")
    with (
        opened(Settings(dsn=SecretStr(audited_directly)), "test") as database,
        pytest.raises(UnsafeDatabase, match=r"publication warehouse, view public\.changes_of_today"),
    ):
        partition_plan(database, Period.month)
