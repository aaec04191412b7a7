import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tests.servers import TestServer
from threadline_ops import demo
from threadline_ops.database import Database, opened
from threadline_ops.demo import schema
from threadline_ops.errors import DatabaseError, SettingsError, UnsafeDatabase
from threadline_ops.progress import Interrupted, drive
from threadline_ops.settings import Settings

pytestmark = pytest.mark.thorough

FLIGHTS = 1200
DAY = timedelta(days=1)
HISTORY = (
    "select c.table_name, c.op, c.table_pk, t.actor_ref, c.changed_fields, c.data_after from public.audit_changes c"
    " join public.audit_transactions t on t.id = c.transaction_id order by t.txid, c.table_name, c.op, c.table_pk::text"
)


def ignore(_: object) -> None:
    """For events that a test does not look at."""


@contextmanager
def named(server: TestServer) -> Iterator[str]:
    """A name for a demo database, which is gone at exit."""
    name = f"flightops_{secrets.token_hex(6)}"
    try:
        yield name
    finally:
        with psycopg.connect(server.admin, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def operating(dsn: str) -> Iterator[Database]:
    with opened(Settings(dsn=SecretStr(dsn)), "tests") as database:
        yield database


@pytest.fixture(scope="module")
def built(server: TestServer) -> Iterator[tuple[str, demo.BuildResult]]:
    with named(server) as name:
        result = drive(demo.build(server, name=name, limit=FLIGHTS), ignore)
        yield server.dsn(name), result


@pytest.fixture
def result(built: tuple[str, demo.BuildResult]) -> demo.BuildResult:
    return built[1]


@pytest.fixture
def there(built: tuple[str, demo.BuildResult]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(built[0], autocommit=True) as connection:
        yield connection


def rows(connection: psycopg.Connection, query: str) -> list[tuple]:
    return connection.execute(query.encode()).fetchall()


def test_every_table_is_captured(there: psycopg.Connection):
    captured = rows(
        there,
        "select relname from pg_trigger t join pg_class c on c.oid = tgrelid"
        " where tgname = 'threadline_audit_' || relname and tgenabled = 'O'",
    )
    assert {name for (name,) in captured} == set(demo.TABLES)


def test_the_history_holds_every_change_that_the_replay_made(there: psycopg.Connection, result: demo.BuildResult):
    found = dict(rows(there, "select table_name, count(*)::int from public.audit_changes group by 1"))
    assert found == result.replayed.changes
    assert found["flights"] == 2 * FLIGHTS + rows(there, "select count(departed_at) from public.flights")[0][0]
    assert rows(there, "select count(*) from public.audit_transactions") == [(result.replayed.transactions,)]


@pytest.mark.parametrize("table", [table for table in demo.TABLES if table not in demo.BROWNFIELD])
def test_rows_are_what_their_history_says(there: psycopg.Connection, table: str):
    held = rows(there, f"select count(*) from public.{table}")
    born = f"select count(*) filter (where op = 'insert') - count(*) filter (where op = 'delete') from public.audit_changes where table_name = '{table}'"
    assert held == rows(there, born)


def test_brownfield_rows_have_no_invented_history(there: psycopg.Connection, result: demo.BuildResult):
    assert result.brownfield == {"airlines": 16, "airports": 1458, "planes": 3322}
    operations = "select distinct op from public.audit_changes where table_name in ('airlines', 'airports', 'planes')"
    assert rows(there, operations) == [("update",)]


def test_flights_ended(there: psycopg.Connection):
    states = dict(rows(there, "select status, count(*)::int from public.flights group by 1"))
    assert set(states) <= {"arrived", "cancelled", "diverted"}
    assert states["cancelled"] > 0
    assert rows(there, "select from public.flights where (status = 'cancelled') <> (departed_at is null)") == []


def test_keys_of_every_kind_are_recorded(there: psycopg.Connection):
    found = dict(
        rows(
            there,
            "select table_name, (array_agg(distinct (select array_agg(key order by key)"
            " from jsonb_object_keys(table_pk) as key)::text))[1] from public.audit_changes group by 1",
        )
    )
    assert found["flights"] == "{id}"
    assert found["weather"] == "{origin,time_hour}"
    assert found["bookings"] == "{locator}"
    assert found["delay_reports"] == "{id}"


def test_every_transaction_has_its_actor_and_its_action(there: psycopg.Connection, result: demo.BuildResult):
    kinds = dict(rows(there, "select actor_ref ->> 'type', count(*)::int from public.audit_transactions group by 1"))
    assert set(kinds) == {"user", "admin", "service_account", "job", "anonymous"}
    linked = "select count(*) from public.audit_transactions t join public.audit_actions a on a.id = t.action_id"
    assert rows(there, linked + " where a.actor_ref = t.actor_ref") == [(result.replayed.actions,)]
    assert rows(there, "select count(*), count(correlation_id) from public.audit_actions") == [
        (result.replayed.actions, result.replayed.actions)
    ]
    assert rows(there, linked + " where a.job_id like 'schedule-import-%' and t.actor_ref ->> 'type' <> 'job'") == [
        (0,)
    ]


def test_a_correlation_id_ties_transactions_together(there: psycopg.Connection):
    (most,) = rows(
        there, "select correlation_id, count(*) from public.audit_actions group by 1 order by 2 desc limit 1"
    )
    assert most[0].startswith("schedule-2013-01-0")
    assert most[1] > 10


def test_nothing_personal_is_in_the_history(there: psycopg.Connection):
    assert rows(there, "select from public.bookings where email like '%@passengers.example'")
    leaks = (
        "select from public.audit_changes where data_after::text || coalesce(changed_from::text, '')"
        " ~ 'passengers.example|tok_|555 01'"
    )
    assert rows(there, leaks) == []
    captured = rows(
        there, "select data_after from public.audit_changes where table_name = 'bookings' and op = 'insert'"
    )
    assert all(after["email"] == after["contact"] == "[REDACTED]" for (after,) in captured)
    assert not any("payment_token" in after for (after,) in captured)


def test_the_history_reaches_back_evenly(there: psycopg.Connection, result: demo.BuildResult):
    rewritten = result.rewritten
    assert rows(there, "select min(captured_at), max(captured_at) from public.audit_changes") == [
        (rewritten.oldest, rewritten.newest)
    ]
    assert rewritten.oldest is not None
    assert rewritten.newest is not None
    assert 119 * DAY < rewritten.newest - rewritten.oldest < demo.SPAN
    tenths = rows(
        there,
        "select width_bucket(extract(epoch from captured_at), extract(epoch from lower(s.span)),"
        " extract(epoch from upper(s.span)), 12), count(*) from public.audit_changes,"
        " (select tstzrange(min(captured_at), max(captured_at) + interval '1 day') from public.audit_changes) s (span)"
        " group by 1 order by 1",
    )
    assert [bucket for bucket, _ in tenths] == list(range(1, 13))
    assert max(size for _, size in tenths) < 1.2 * min(size for _, size in tenths)


def orders(connection: psycopg.Connection) -> list[list[tuple]]:
    return [
        rows(connection, "select id from public.audit_changes order by captured_at, id"),
        rows(connection, "select id from public.audit_transactions order by occurred_at"),
        rows(connection, "select id from public.audit_actions order by inserted_at"),
    ]


def test_rewriting_keeps_every_order(built: tuple[str, demo.BuildResult], there: psycopg.Connection):
    before = orders(there)
    assert before[1] == rows(there, "select id from public.audit_transactions order by txid"), "as they were committed"
    assert before[2] == rows(
        there,
        "select a.id from public.audit_actions a join public.audit_transactions t on a.id = action_id order by txid",
    )
    with operating(built[0]) as database:
        again = drive(demo.age(database, span=30 * DAY), ignore)
    assert orders(there) == before
    assert again.changes == sum(built[1].replayed.changes.values())


def test_changes_stay_with_their_transaction(there: psycopg.Connection):
    far = (
        "select from public.audit_changes c join public.audit_transactions t on t.id = c.transaction_id"
        " where c.captured_at not between t.occurred_at and t.occurred_at + interval '2 hours 1 second'"
    )
    assert rows(there, far) == []
    late = "select from public.audit_transactions t join public.audit_actions a on a.id = t.action_id where {}"
    assert rows(there, late.format("a.inserted_at not between t.occurred_at - interval '10 s' and t.occurred_at")) == []


def test_the_rewriting_is_said_plainly(result: demo.BuildResult):
    assert "rewritten the times of its own captured history" in result.rewritten.notice


def test_twice_in_a_row_gives_the_same_history(server: TestServer):
    with named(server) as name:
        histories = []
        for replaced in (False, True):
            events: list[demo.Event] = []
            drive(demo.build(server, name=name, limit=150), events.append)
            assert isinstance(events[0], demo.ApplicationCreated)
            assert events[0].replaced is replaced
            with psycopg.connect(server.dsn(name), autocommit=True) as connection:
                histories.append(rows(connection, HISTORY))
        assert len(histories[0]) > 300
        assert histories[0] == histories[1]


def test_a_build_replaces_one_that_was_stopped_and_one_in_use(server: TestServer):
    with named(server) as name:
        stopped = iter([False] * 20 + [True])
        with pytest.raises(Interrupted):
            drive(demo.build(server, name=name, limit=50), ignore, should_stop=lambda: next(stopped))
        with psycopg.connect(server.dsn(name)):
            result = drive(demo.build(server, name=name, limit=50), ignore)
        assert result.replayed.changes["flights"] > 100


def test_a_database_that_the_demo_did_not_make_is_left_alone(server: TestServer, audited: str):
    name = str(conninfo_to_dict(audited)["dbname"])
    with pytest.raises(UnsafeDatabase, match=rf"the demo did not make it \(got '{name}'\)"):
        drive(demo.build(server, name=name, limit=1), ignore)
    with operating(audited) as database:
        for operation in (demo.replay(database, limit=1), demo.age(database)):
            with pytest.raises(UnsafeDatabase, match="not made by the demo"):
                drive(operation, ignore)
        with pytest.raises(UnsafeDatabase, match="not made by the demo"):
            schema.create(database)
    with psycopg.connect(audited) as connection:
        assert rows(connection, "select count(*) from pg_tables where schemaname = 'public'") == [(3,)]


def test_another_comment_is_no_mark(server: TestServer, audited: str):
    name = str(conninfo_to_dict(audited)["dbname"])
    with psycopg.connect(audited, autocommit=True) as connection:
        connection.execute(sql.SQL("comment on database {} is 'the demo of sales'").format(sql.Identifier(name)))
    with pytest.raises(UnsafeDatabase):
        drive(demo.build(server, name=name, limit=1), ignore)


def test_a_clone_of_the_demo_is_not_the_demo(server: TestServer, built: tuple[str, demo.BuildResult]):
    name = str(conninfo_to_dict(built[0])["dbname"])
    with server.clone(name) as dsn, operating(dsn) as database, pytest.raises(UnsafeDatabase):
        drive(demo.age(database), ignore)


def test_history_is_not_rewritten_while_somebody_writes(built: tuple[str, demo.BuildResult], there: psycopg.Connection):
    before = orders(there)
    with psycopg.connect(built[0]) as writer, operating(built[0]) as database:
        writer.execute("update public.airports set low_visibility = true where faa = 'JFK'")
        with pytest.raises(DatabaseError, match="a lock was not granted in time"):
            drive(demo.age(database), ignore)
        writer.rollback()
    assert orders(there) == before


def test_a_span_is_positive(built: tuple[str, demo.BuildResult]):
    with operating(built[0]) as database, pytest.raises(SettingsError, match="positive time"):
        drive(demo.age(database, span=timedelta(0)), ignore)
