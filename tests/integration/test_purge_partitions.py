"""Expired partitions go whole, after the same guards as rows, and a crash in between is finished by the next run."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.audit import NOW, add_transaction, bulk, count, settings_for
from tests.partitioned import partition_monthly
from threadline_ops.database import opened
from threadline_ops.errors import Busy
from threadline_ops.progress import drive
from threadline_ops.retention import (
    PartitionDropped,
    Paused,
    Policy,
    PurgeRequest,
    holds,
    partitions,
    preview,
    purge,
    run_purge,
)
from threadline_ops.retention.holds import Hold
from threadline_ops.retention.tally import Tally
from threadline_ops.settings import Settings

DAY = timedelta(days=1)
#: NOW is 1 June 2026, 12:00: with 60 days kept, the cutoff lies within April.
GONE = ("public.changes_2026_01", "public.changes_2026_02", "public.changes_2026_03")


def policy(**changes) -> Policy:
    return Policy(**({"window": 60 * DAY, "enabled": True, "batch_size": 50} | changes))


@pytest.fixture
def settings(audited_directly: str, tmp_path: Path) -> Settings:
    return settings_for(audited_directly, tmp_path / "evidence")


@pytest.fixture(params=[False, True], ids=["concurrently", "beside a default"])
def months(request, connection: psycopg.Connection) -> psycopg.Connection:
    """1,200 changes from February to June in monthly partitions; January's is empty."""
    partition_monthly(connection, date(2026, 1, 1), 6, default=request.param)
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    return connection


def begun(settings: Settings, chosen: Policy, database, direct=None, **named):
    return purge(
        database, chosen, now=NOW, execute=True, connect=lambda: opened(settings, "test"),
        direct=direct or (lambda: opened(settings, "test", direct=True)), **named,
    )  # fmt: skip


def finished(settings: Settings, chosen: Policy, **named):
    events: list = []
    with opened(settings, "test") as database:
        return events, drive(begun(settings, chosen, database, **named), events.append)


def attached(connection: psycopg.Connection) -> set[str]:
    rows = connection.execute(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'audit_changes'::regclass"
    )
    return {row[0] for row in rows} - {"changes_rest"}


def survivors(connection: psycopg.Connection) -> int:
    """Checks on the way that no transaction is empty and no expired change is left."""
    row = connection.execute(
        "select count(*) from audit_transactions t"
        " where not exists (select from audit_changes c where c.transaction_id = t.id)"
    ).fetchone()
    assert row == (0,)
    old = connection.execute("select count(*) from audit_changes where captured_at < %s", (NOW - 60 * DAY,)).fetchone()
    assert old == (0,)
    return count(connection, "audit_changes")


@pytest.mark.parametrize("changes", [{}, {"workers": 2}, {"sweep": "always"}])
def test_expired_partitions_go_whole_and_stragglers_in_batches(settings: Settings, months, changes: dict):
    chosen = policy(**changes)
    expected = months.execute(
        "select count(*), mod(sum(uuid_hash_extended(id, 0)), 2^64::numeric) from audit_changes where captured_at < %s",
        (NOW - 60 * DAY,),
    ).fetchone()
    with opened(settings, "test") as database, opened(settings, "test", direct=True) as direct:
        seen = preview(database, chosen, now=NOW, direct=direct)
    tally = Tally()
    events, result = finished(settings, chosen, tally=tally)
    assert seen.partitions == result.partitions == GONE
    assert result.outcome == "complete"
    assert result.deleted_changes == seen.expired_changes == expected[0]
    assert result.deleted_transactions == seen.emptied_transactions + seen.already_empty_transactions
    assert tally.tables["public", "flights"].fingerprint[0] == int(expected[1]) % 2**64, "dropped rows are certified"
    dropped = [e for e in events if isinstance(e, PartitionDropped)]
    assert [e.partition for e in dropped] == list(GONE)
    assert 0 < sum(e.deleted_changes for e in dropped) < result.deleted_changes, "April's part goes by rows"
    assert "workers" in changes or result.batches == seen.batches > 0
    assert attached(months) == {"changes_2026_04", "changes_2026_05", "changes_2026_06"}
    assert survivors(months) == seen.kept_changes
    assert finished(settings, chosen)[1].deleted_changes == 0


def test_a_hold_keeps_its_partition_and_rows_go_by_batches(settings: Settings, months):
    _, (kept,) = add_transaction(months, [NOW - 80 * DAY])
    months.execute("update audit_changes set table_name = 'held' where id = %s", (kept,))
    with opened(settings, "test") as database:
        holds.add(database, Hold("case 7", table=("public", "held")))
    _, result = finished(settings, policy())
    assert result.partitions == GONE[:2], "March has a held change"
    assert result.held_changes == 1
    assert "changes_2026_03" in attached(months)
    assert months.execute("select id from only changes_2026_03").fetchall() == [(kept,)]


def test_a_longer_window_of_a_table_keeps_its_partition(settings: Settings, months):
    months.execute("update audit_changes set table_name = 'long' where captured_at between %s and %s",
                   (NOW - 70 * DAY, NOW - 69 * DAY))  # fmt: skip
    _, result = finished(settings, policy(tables={("public", "long"): 365 * DAY}))
    assert result.partitions == GONE[:2]
    assert months.execute("select distinct table_name from changes_2026_03").fetchall() == [("long",)]


def stage(connection: psycopg.Connection, settings: Settings, how: str) -> None:
    """What a crash leaves at each stage of dropping February."""
    with opened(settings, "test", direct=True) as direct:
        with direct.transaction(read_only=True):
            parameters = {"audit": "public", "until": NOW - 60 * DAY}
            rows = direct.connection.execute(direct.statement("partitions/ended"), parameters).fetchall()
        (february,) = [each for each in (partitions.Partition(*row) for row in rows) if each.name == "changes_2026_02"]
        partitions.note(direct, february)
        if how == "detached":
            partitions.detach(direct, february)
        elif how == "pending":
            with psycopg.connect(connection.info.dsn, password=connection.info.password) as reader:
                reader.execute("select count(*) from audit_changes")
                direct.connection.execute("set lock_timeout = '50ms'")
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    direct.connection.execute("alter table audit_changes detach partition changes_2026_02 concurrently")


@pytest.mark.parametrize("how", ["attached", "pending", "detached"])
@pytest.mark.parametrize("held", [False, True])
def test_a_crash_at_any_stage_is_finished_by_the_next_run(settings: Settings, connection, how: str, held: bool):
    partition_monthly(connection, date(2026, 1, 1), 6)
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    before = count(connection, "audit_changes")
    (to_stay,) = connection.execute(
        "select count(*) from audit_changes where captured_at >= %s or (%s and captured_at between %s and %s)",
        (NOW - 60 * DAY, held, NOW - 115 * DAY, NOW - 110 * DAY),
    ).fetchone()
    stage(connection, settings, how)
    if held:
        with opened(settings, "test") as database:
            holds.add(database, Hold("placed after the crash", since=NOW - 115 * DAY, to=NOW - 110 * DAY))
    tally = Tally()
    _, result = finished(settings, policy(), tally=tally)
    assert result.outcome == "complete"
    assert ("changes_2026_02" in attached(connection)) == held
    assert count(connection, "audit_changes") == before - tally.changes, "what was detached is certified or back"
    assert count(connection, "audit_changes") == to_stay
    assert result.held_changes == (to_stay - survivors_in_window(connection))
    if not held:
        survivors(connection)
        assert connection.execute("select to_regclass('changes_2026_02') is null").fetchone() == (True,)
    assert count_drops(connection) == 0


def survivors_in_window(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from audit_changes where captured_at >= %s", (NOW - 60 * DAY,)).fetchone()
    assert row is not None
    return row[0]


def count_drops(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from threadline_ops.partition_drops").fetchone()
    assert row is not None
    return row[0]


def test_a_reader_of_the_partition_is_waited_for_and_no_writer_is(settings: Settings, connection):
    partition_monthly(connection, date(2026, 1, 1), 6)
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    hasty = settings.model_copy(update={"database": settings.database.model_copy(update={"lock_timeout_ms": 100})})
    with (
        psycopg.connect(connection.info.dsn, password=connection.info.password) as reader,
        opened(hasty, "test") as database,
    ):
        reader.execute("select count(*) from audit_changes")
        work = begun(hasty, policy(), database)
        event = next(work)
        assert isinstance(event, Paused)
        assert "public.changes_2026_01 is still in use" in event.reason
        connection.execute("set lock_timeout = '1s'")
        add_transaction(connection, [NOW])
        reader.rollback()
        result = drive(work, lambda _: None)
    assert result.partitions == GONE
    assert survivors(connection) > 500


def test_a_drop_that_cannot_have_its_lock_gives_up_soon_and_changes_nothing(settings: Settings, connection):
    partition_monthly(connection, date(2026, 1, 1), 6, default=True)
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    with (
        psycopg.connect(connection.info.dsn, password=connection.info.password) as writer,
        ThreadPoolExecutor(1) as pool,
    ):
        writer.execute("lock table audit_changes in row exclusive mode")
        run = pool.submit(finished, settings, policy())
        with pytest.raises(Busy):
            run.result(timeout=30)
        writer.rollback()
    assert count(connection, "audit_changes") == 1200
    assert finished(settings, policy())[1].partitions == GONE


def test_without_a_way_past_the_pooler_rows_go_and_it_is_said_loudly(
    settings: Settings, connection, poolers, audited_directly: str, tmp_path: Path
):
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    partition_monthly(connection, (now - 150 * DAY).date().replace(day=1), 7)
    bulk(connection, transactions=400, per_transaction=3, days=120, now=now)
    pooled = settings_for(poolers("transaction").dsn(audited_directly), tmp_path / "evidence", keep_days=60)
    seen = run_purge(pooled, PurgeRequest()).preview
    assert seen is not None
    assert seen.partitions == ()
    lines: list[str] = []
    done = run_purge(pooled, PurgeRequest(execute=True), echo=lines.append).result
    assert done is not None
    assert done.by_rows == seen.by_rows
    assert "a pooler stands before the database; set THREADLINE_OPS_DIRECT_DSN" in (done.by_rows or "")
    assert [line for line in lines if "purged by rows" in line]
    assert (done.partitions, done.deleted_changes, done.outcome) == ((), seen.expired_changes, "complete")
    assert len(attached(connection)) == 7
    past = pooled.model_copy(update={"direct_dsn": settings.dsn})
    assert len(run_purge(past, PurgeRequest()).preview.partitions) >= 2
    assert len(run_purge(past, PurgeRequest(execute=True)).result.partitions) >= 2


def test_partitions_by_something_else_are_purged_by_rows(settings: Settings, connection):
    connection.execute(
        "alter table audit_changes rename to whole; create table audit_changes (like whole including defaults,"
        " foreign key (transaction_id) references audit_transactions (id) on delete cascade)"
        " partition by list (table_name); create table rest partition of audit_changes default;"
        "create index on audit_changes (captured_at); create index on audit_changes (transaction_id); drop table whole"
    )
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    _, result = finished(settings, policy())
    assert "not by range of captured_at alone" in (result.by_rows or "")
    assert survivors(connection) == 1200 - result.deleted_changes
