"""Everything that a dry run says equals what the run then does, on a database that nobody else changes."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.audit import NOW, bulk, count, settings_for
from threadline_ops.database import opened
from threadline_ops.progress import drive
from threadline_ops.retention import BatchDeleted, Policy, PurgeRequest, holds, preview, purge, run_purge
from threadline_ops.retention.holds import Hold
from threadline_ops.settings import Settings

DAY = timedelta(days=1)


@pytest.fixture
def settings(audited_directly: str, tmp_path: Path) -> Settings:
    return settings_for(audited_directly, tmp_path / "evidence")


@pytest.fixture
def mixed(connection: psycopg.Connection) -> psycopg.Connection:
    """Three tables, rows of several sizes, transactions that straddle any cutoff, and some that are empty already."""
    bulk(connection, transactions=400, per_transaction=3, days=120, now=NOW)
    connection.execute(
        "update audit_changes set data_after = jsonb_build_object('note', repeat(md5(id::text), 1 + hashtext(id::text) % 9)),"
        " table_name = 'table_' || abs(hashtext(id::text)) % 3, table_pk = jsonb_build_object('id', abs(hashtext(id::text)) % 40),"
        " op = 'update'"
    )
    connection.execute(
        "update audit_changes set captured_at = captured_at + interval '50 days' where hashtext(id::text) %% 7 = 0"
        " and captured_at < %s", (NOW - 60 * DAY,)
    )  # fmt: skip
    connection.execute("delete from audit_changes where captured_at < %s", (NOW - 110 * DAY,))
    connection.execute("create index on audit_changes (table_name, table_pk)")
    connection.execute("create index on audit_transactions (action_id)")
    with_actions(connection)
    return connection


def with_actions(connection: psycopg.Connection) -> None:
    """An action for every second transaction, of its time, and one that no transaction belongs to."""
    connection.execute(
        "with made as (insert into audit_actions (id, name, actor_ref, status, correlation_id, inserted_at)"
        " select gen_random_uuid(), 'order.updated', jsonb_build_object('type', 'user', 'id', txid::text), 'ok',"
        " txid::text, occurred_at from audit_transactions where txid % 2 = 0 returning id, correlation_id)"
        " update audit_transactions set action_id = made.id from made where made.correlation_id = txid::text"
    )
    connection.execute(
        "insert into audit_actions (id, name, actor_ref, status, inserted_at) values"
        """ (gen_random_uuid(), 'login', '{"type": "user", "id": "7"}', 'ok', %s)""",
        (NOW - 100 * DAY,),
    )


def policy(**changes) -> Policy:
    return Policy(**({"window": 90 * DAY, "enabled": True, "batch_size": 17, "delete_actions": True} | changes))


def stored(connection: psycopg.Connection) -> tuple[Counter, Counter]:
    """Changes and their bytes by table and UTC day."""
    rows = connection.execute(
        "select 'public.' || table_name, (captured_at at time zone 'UTC')::date::text, count(*), sum(pg_column_size(c.*))"
        " from audit_changes as c group by 1, 2"
    ).fetchall()
    return Counter({(t, d): n for t, d, n, _ in rows}), Counter({(t, d): int(b) for t, d, _, b in rows})


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, False),
        ({"workers": 3}, False),
        ({"sweep": "never", "delete_actions": False}, True),
        ({"delete_empty_transactions": False}, False),
        ({"keep_current": True}, True),
        ({"keep_current": True, "tables": {("public", "table_1"): 40 * DAY}, "workers": 2}, True),
        ({"tables": {("public", "table_1"): 40 * DAY, ("public", "table_2"): 400 * DAY}, "sweep": "always"}, True),
    ],
)
def test_each_number_of_the_dry_run_comes_true(
    settings: Settings, mixed: psycopg.Connection, changes: dict, held: bool
):
    chosen = policy(**changes)
    tables = ("audit_changes", "audit_transactions", "audit_actions")
    with opened(settings, "test") as database:
        if held:
            holds.add(database, Hold("a row", table=("public", "table_0"), pk={"id": 5}))
            holds.add(database, Hold("a time", since=NOW - 100 * DAY, to=NOW - 99 * DAY))
            holds.add(database, Hold("a person", actor={"type": "user", "id": "7"}))
        seen = preview(database, chosen, now=NOW)
        before, (changes_before, bytes_before) = [count(mixed, each) for each in tables], stored(mixed)
        events: list = []
        work = purge(database, chosen, now=NOW, execute=True, connect=lambda: opened(settings, "test"))
        result = drive(work, events.append)
    after, (changes_after, bytes_after) = [count(mixed, each) for each in tables], stored(mixed)
    gone = [one - other for one, other in zip(before, after, strict=True)]
    assert gone[0] == seen.expired_changes == result.deleted_changes > 50
    assert gone[1] == seen.emptied_transactions + seen.already_empty_transactions == result.deleted_transactions
    assert gone[2] == seen.actions == result.deleted_actions
    assert (seen.actions > 0) == (chosen.delete_actions)
    assert {(day.table, day.day): day.changes for day in seen.days} == changes_before - changes_after
    assert {(day.table, day.day): day.bytes for day in seen.days} == bytes_before - bytes_after
    assert seen.bytes == sum((bytes_before - bytes_after).values())
    assert seen.batches_exact
    assert seen.batches == result.batches == sum(isinstance(event, BatchDeleted) for event in events)
    assert seen.held_changes == result.held_changes
    assert (seen.held_changes > 0) == held
    assert seen.kept_changes + seen.held_changes == after[0]
    assert seen.straddling_transactions > 0
    assert result.outcome == "complete"
    assert not seen.capped


def test_straddling_transactions_are_those_that_lose_a_part(settings: Settings, mixed: psycopg.Connection):
    def sizes() -> dict:
        return dict(mixed.execute("select transaction_id, count(*) from audit_changes group by 1").fetchall())

    with opened(settings, "test") as database:
        seen = preview(database, policy(), now=NOW)
        before = sizes()
        drive(purge(database, policy(), now=NOW, execute=True), lambda _: None)
    after = sizes()
    assert seen.straddling_transactions == sum(1 for each, n in before.items() if 0 < after.get(each, 0) < n) > 5


def test_an_action_that_a_transaction_is_linked_to_meanwhile_stays(settings: Settings, mixed: psycopg.Connection):
    """The link is made after the deleting statement took its snapshot: SET NULL would cut it without a word."""
    loose = mixed.execute("select id from audit_actions where name = 'login'").fetchone()
    mixed.execute("create table once (n int); insert into once values (1)")
    mixed.execute(
        "create function late() returns trigger security definer language plpgsql as"
        " $$ begin if exists (select from once) and old.name = 'login' then delete from once;"
        " update audit_transactions set action_id = old.id where txid = -1; end if; return old; end $$;"
        "create trigger late before delete on audit_actions for each row execute function late()"
    )
    with opened(settings, "test") as database:
        work = purge(database, policy(), now=NOW, execute=True)
        with pytest.raises(Exception, match="again and again"):
            drive(work, lambda _: None)
    assert mixed.execute("select id from audit_actions where name = 'login'").fetchone() == loose


def test_what_a_purge_said_of_itself_outlives_it(settings: Settings, mixed: psycopg.Connection):
    mixed.execute("update audit_actions set name = 'retention.purged' where name = 'login'")
    with opened(settings, "test") as database:
        seen = preview(database, policy(), now=NOW)
        assert drive(purge(database, policy(), now=NOW, execute=True), lambda _: None).deleted_actions == seen.actions
    assert mixed.execute("select count(*) from audit_actions where name = 'retention.purged'").fetchone() == (1,)


def test_the_estimate_follows_the_last_purge_of_this_database(settings: Settings, connection: psycopg.Connection):
    bulk(connection, transactions=700, per_transaction=6, days=120, now=datetime.now(UTC))
    first = run_purge(settings, PurgeRequest()).preview
    assert first is not None
    assert "no earlier purge" in first.seconds_basis
    assert first.seconds == pytest.approx(first.expired_changes / 20_000, abs=0.1)
    done = run_purge(settings, PurgeRequest(execute=True), run_id="the-first")
    bulk_again = first.expired_changes
    connection.execute("update audit_changes set captured_at = captured_at - interval '30 days'")
    second = run_purge(settings, PurgeRequest()).preview
    assert second is not None
    assert "run the-first" in second.seconds_basis
    assert second.seconds == pytest.approx(second.expired_changes * done.seconds / bulk_again, rel=0.1, abs=0.1)


def test_a_run_that_will_not_do_says_so_beforehand(settings: Settings, mixed: psycopg.Connection):
    few = policy(max_batches=3)
    with opened(settings, "test") as database:
        assert preview(database, few, now=NOW).capped
        assert drive(purge(database, few, now=NOW, execute=True), lambda _: None).outcome == "capped"
