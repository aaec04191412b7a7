"""Sweeps, workers and time limits: other ways, the same survivors."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.audit import NOW, add_transaction, bulk, count, settings_for
from threadline_ops.database import opened
from threadline_ops.errors import Busy, PolicyError
from threadline_ops.progress import Interrupted, drive
from threadline_ops.retention import (
    BatchDeleted,
    Paused,
    Policy,
    PurgeRequest,
    RangeSwept,
    phases,
    preview,
    purge,
    run_purge,
    steps,
)
from threadline_ops.retention.hours import Hours
from threadline_ops.retention.sizing import Limits
from threadline_ops.retention.tally import Tally
from threadline_ops.settings import Settings

DAY = timedelta(days=1)


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path / "evidence")


@pytest.fixture
def aged(connection: psycopg.Connection) -> psycopg.Connection:
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    return connection


def policy(**changes) -> Policy:
    return Policy(**({"window": 90 * DAY, "enabled": True, "batch_size": 40} | changes))


def collected(settings: Settings, chosen: Policy, **named):
    events: list = []
    with opened(settings, "test") as database:
        work = purge(database, chosen, now=NOW, execute=True, connect=lambda: opened(settings, "test"), **named)
        return events, drive(work, events.append)


def until_it_waits(connection: psycopg.Connection, run: Future[Any]) -> None:
    """Until another session waits for a lock, or the run has ended."""
    for _ in range(2000):
        waiting = connection.execute(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ).fetchone()
        if waiting == (1,) or run.done():
            return
        connection.execute("select pg_sleep(0.005)")


def orphans(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "select count(*) from audit_transactions t"
        " where not exists (select from audit_changes c where c.transaction_id = t.id)"
    ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("changes", [{"sweep": "always"}, {"workers": 2}, {"workers": 5}, {"sweep": "never"}])
def test_every_way_deletes_exactly_what_the_preview_counts(settings: Settings, aged, changes: dict):
    chosen = policy(**changes)
    with opened(settings, "test") as database:
        seen = preview(database, chosen, now=NOW)
    tally = Tally()
    events, result = collected(settings, chosen, tally=tally)
    assert result.outcome == "complete"
    assert result.deleted_changes == seen.expired_changes == tally.changes > 200
    assert result.deleted_transactions == seen.emptied_transactions == sum(e.deleted_transactions for e in events)
    assert count(aged, "audit_changes") == 1200 - result.deleted_changes
    assert orphans(aged) == 0
    assert all(e.deleted_changes <= 40 for e in events)
    assert sum(table.changes for table in tally.tables.values()) == tally.changes


def test_the_fingerprint_is_of_the_ids_whatever_the_order(settings: Settings, aged):
    """Anyone with the ids, from an archive or a backup, can compute it again with the certificate's recipe."""
    expected = aged.execute(
        "select mod(sum(uuid_hash_extended(id, 0)), 2^64::numeric), mod(sum(uuid_hash_extended(id, 1)), 2^64::numeric)"
        " from audit_changes where captured_at < %s",
        (NOW - 90 * DAY,),
    ).fetchone()
    tally = Tally()
    collected(settings, policy(workers=3), tally=tally)
    assert tally.tables["public", "flights"].fingerprint == tuple(int(n) % 2**64 for n in expected)


def test_transactions_left_empty_by_others_are_swept_and_foretold(settings: Settings, aged):
    aged.execute("delete from audit_changes where captured_at < %s", (NOW - 100 * DAY,))
    left = orphans(aged)
    assert left > 50
    with opened(settings, "test") as database:
        seen = preview(database, policy(), now=NOW)
    assert seen.already_empty_transactions == left
    events, result = collected(settings, policy())
    assert result.deleted_transactions == seen.emptied_transactions + left
    assert any(isinstance(event, RangeSwept) for event in events)
    assert orphans(aged) == 0


def test_an_emptied_transaction_goes_whatever_its_own_time(settings: Settings, connection: psycopg.Connection):
    """The clock may have been set back within a transaction: the rule is about the changes."""
    for occurred in (NOW, NOW + 900 * DAY, NOW - 900 * DAY):
        parent, _ = add_transaction(connection, [NOW - 100 * DAY])
        connection.execute("update audit_transactions set occurred_at = %s where id = %s", (occurred, parent))
    collected(settings, policy(sweep="always"))
    assert count(connection, "audit_transactions") == 0


def test_a_crash_between_the_phases_is_healed_by_the_next_run(settings: Settings, aged):
    with opened(settings, "test") as database:
        work = purge(database, policy(sweep="always"), now=NOW, execute=True)
        while next(work).total_changes < 297:
            pass
        work.close()
    assert orphans(aged) > 50
    collected(settings, policy())
    assert orphans(aged) == 0


@pytest.mark.parametrize("chosen", [policy(sweep="always"), policy(sweep="never")])
def test_a_change_that_the_cascade_would_take_undoes_the_step(
    settings: Settings, connection: psycopg.Connection, chosen: Policy, monkeypatch: pytest.MonkeyPatch
):
    """A change that commits after the statement's snapshot: the writer's lock is waited for, then the cascade hits."""
    add_transaction(connection, [NOW - 100 * DAY])
    begin = steps.begin

    def meanwhile(database):
        answer = begin(database)
        # Between the snapshot and the cascade, as a rule on the deleting statement would see it.
        connection.execute(
            "create or replace function late() returns trigger security definer language plpgsql as"
            " $$ begin if not exists (select from audit_changes where captured_at > now() - interval '1 day') then"
            "   insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            "   values (old.id, 'public', 'flights', '{}', 'delete', now()); end if; return old; end $$"
        )
        connection.execute(
            "create or replace trigger late before delete on audit_transactions for each row execute function late()"
        )
        return answer

    monkeypatch.setattr(steps, "begin", meanwhile)
    with pytest.raises(Busy, match="other changes would go"):
        collected(settings, chosen)
    assert count(connection, "audit_transactions") == 1, "the parent of a change is never deleted"


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        ("delete from audit_changes where id = %s", 0),
        ("update audit_changes set captured_at = now() + interval '1 year' where id = %s", 1),
    ],
)
@pytest.mark.parametrize("sweep", ["always", "never"])
def test_only_what_the_purge_itself_deleted_is_counted(settings: Settings, connection, sweep: str, statement, left):
    """Another session takes a change away while the purge, which has seen it, waits for its lock."""
    _, (taken, *_) = add_transaction(connection, [NOW - 100 * DAY] * 3)
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as other:
        other.execute(statement, (taken,))
        with ThreadPoolExecutor(1) as pool:
            tally = Tally()
            run = pool.submit(collected, settings, policy(sweep=sweep), tally=tally)
            until_it_waits(connection, run)
            other.commit()
            _, result = run.result(timeout=30)
    assert result.deleted_changes == sum(table.changes for table in tally.tables.values()) == 2
    assert count(connection, "audit_changes") == left


def test_a_trigger_that_keeps_changes_is_told(settings: Settings, aged: psycopg.Connection):
    aged.execute("create function keep() returns trigger language plpgsql as $$ begin return null; end $$")
    aged.execute("create trigger keep before delete on audit_changes for each row execute function keep()")
    before = count(aged, "audit_changes")
    with pytest.raises(Busy, match="a trigger on audit_changes keeps them"):
        collected(settings, policy(sweep="always"))
    assert count(aged, "audit_changes") == before


@pytest.mark.parametrize("sweep", ["always", "never"])
def test_a_change_that_commits_while_the_purge_waits_for_its_writer_stays(settings: Settings, connection, sweep: str):
    """Deleting the parent waits for the writer's lock, with a snapshot from before its commit."""
    parent, _ = add_transaction(connection, [NOW - 100 * DAY])
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as writer:
        writer.execute(
            "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            " values (%s, 'public', 'flights', '{}', 'delete', %s)",
            (parent, NOW),
        )
        with ThreadPoolExecutor(1) as pool:
            run = pool.submit(collected, settings, policy(sweep=sweep))
            until_it_waits(connection, run)
            writer.commit()
            _, result = run.result(timeout=30)
    assert (result.deleted_changes, result.deleted_transactions) == (1, 0)
    assert (count(connection, "audit_changes"), count(connection, "audit_transactions")) == (1, 1)


def test_stopping_several_workers_leaves_nobody_at_work(settings: Settings, aged):
    tally = Tally()
    seen: list = []
    with opened(settings, "test") as database:
        work = purge(
            database, policy(workers=3, batch_size=5), now=NOW, execute=True, tally=tally,
            connect=lambda: opened(settings, "test"),
        )  # fmt: skip
        with pytest.raises(Interrupted):
            drive(work, seen.append, should_stop=lambda: len(seen) == 4)
    assert tally.changes >= seen[-1].total_changes
    assert count(aged, "audit_changes") == 1200 - tally.changes, "what the tally says is what is gone"


def test_a_failing_worker_ends_the_run_with_its_error(settings: Settings, aged):
    with psycopg.connect(aged.info.dsn, password=aged.info.password) as other:
        other.execute("lock table audit_changes in share row exclusive mode")
        impatient = settings.model_copy(
            update={"database": settings.database.model_copy(update={"lock_timeout_ms": 100})}
        )
        with pytest.raises(Busy, match="a lock was not granted"):
            collected(impatient, policy(workers=2))
    assert count(aged, "audit_changes") == 1200


def test_an_adaptive_run_gives_way_to_a_lock_and_goes_on(settings: Settings, aged):
    impatient = settings.model_copy(update={"database": settings.database.model_copy(update={"lock_timeout_ms": 50})})
    blocker = psycopg.connect(aged.info.dsn, password=aged.info.password)
    blocker.execute("select 1 from audit_changes where captured_at < %s for update", (NOW - 90 * DAY,))
    sizes: list[int] = []
    with opened(impatient, "test") as database:
        work = purge(database, policy(batch_size=500, sizing=Limits()), now=NOW, execute=True)
        first = next(work)
        assert isinstance(first, Paused)
        assert "trying fewer changes" in first.reason
        blocker.close()
        sizes = [e.deleted_changes for e in work if isinstance(e, BatchDeleted)]
    assert sizes[0] == 250
    assert sum(sizes) == 1200 - count(aged, "audit_changes")


def test_a_run_ends_at_its_duration_and_says_so(settings: Settings, aged):
    _, result = collected(settings, policy(max_duration=timedelta(microseconds=1)))
    assert result.outcome == "capped"
    assert result.remaining_changes > 200


def test_a_run_outside_its_hours_is_refused_and_one_that_reaches_their_end_is_capped(settings: Settings, aged):
    night = Hours.parse("22:00-06:00", "UTC")
    with pytest.raises(PolicyError, match="22:00 to 06:00 UTC"):
        collected(settings, policy(hours=night))  # it is noon
    ending = Hours(NOW.time(), (NOW + timedelta(microseconds=1)).time())
    _, result = collected(settings, policy(hours=ending))
    assert (result.outcome, result.deleted_changes) == ("capped", 0)
    assert count(aged, "audit_changes") == 1200
    day = Hours.parse("11:00-13:00", "UTC")
    assert collected(settings, policy(hours=day))[1].outcome == "complete"


def test_a_sweep_that_the_time_cuts_off_is_no_complete_run(settings: Settings, aged, monkeypatch):
    aged.execute("delete from audit_changes where captured_at < %s", (NOW - 90 * DAY,))
    monkeypatch.setattr(phases.Budget, "over", lambda self: True)
    _, result = collected(settings, policy(sweep="always"))
    assert (result.outcome, result.remaining_changes, result.swept) == ("capped", 0, False)
    assert orphans(aged) > 50


def test_each_table_has_its_own_window(settings: Settings, connection: psycopg.Connection):
    moments = [NOW - n * DAY for n in (10, 40, 100, 400)]
    for table in ("flights", "short", "long"):
        _, changes = add_transaction(connection, moments)
        connection.execute("update audit_changes set table_name = %s where id = any(%s)", (table, changes))
    chosen = policy(tables={("public", "short"): 30 * DAY, ("public", "long"): 365 * DAY})
    with opened(settings, "test") as database:
        seen = preview(database, chosen, now=NOW)
    _, result = collected(settings, chosen)
    left = dict(connection.execute("select table_name, count(*) from audit_changes group by 1").fetchall())
    assert left == {"flights": 2, "short": 1, "long": 3}
    assert result.deleted_changes == seen.expired_changes == 6
    assert result.outcome == "complete"
    assert {(day.table, day.changes) for day in seen.days} == {
        ("public.flights", 1), ("public.short", 1), ("public.long", 1)
    }  # fmt: skip


def test_keep_current_keeps_the_newest_change_of_living_rows(settings: Settings, connection: psycopg.Connection):
    _, changes = add_transaction(connection, [NOW - n * DAY for n in (200, 190, 180, 170, 160)])
    for change, pk, op in zip(
        changes, ("a", "a", "b", "b", "c"), ("insert", "update", "insert", "delete", "insert"), strict=True
    ):
        connection.execute(
            "update audit_changes set op = %s, table_pk = jsonb_build_object('id', %s::text) where id = %s",
            (op, pk, change),
        )
    chosen = policy(keep_current=True, batch_size=1)
    with opened(settings, "test") as database:
        seen = preview(database, chosen, now=NOW)
    _, result = collected(settings, chosen)
    left = {row[0] for row in connection.execute("select id from audit_changes")}
    assert left == {changes[1], changes[4]}, "the last states of a and c; b was deleted"
    assert (result.deleted_changes, result.held_changes) == (seen.expired_changes, seen.held_changes) == (3, 2)


def test_a_run_certifies_and_records_itself_in_the_trail(settings: Settings, connection: psycopg.Connection):
    import json

    from threadline_ops.retention.certificate import verifies

    bulk(connection, transactions=40, per_transaction=3, days=120, now=datetime.now(UTC))
    report = run_purge(settings, PurgeRequest(execute=True), run_id="run-7")
    assert report.result is not None
    figures = json.loads(report.evidence.read_text())["figures"]
    document = figures["certificate"]
    assert verifies(document)
    assert document["tables"]["public.flights"]["changes"] == report.result.deleted_changes > 0
    assert not verifies(document | {"deleted_changes": 1})
    action = connection.execute(
        "select name, actor_ref, correlation_id from audit_actions where id = %s", (figures["action_id"],)
    ).fetchone()
    assert action == ("retention.purged", {"type": "job", "id": "threadline_ops/retention_purge"}, "run-7")
