"""Between the look at a slice, which compares it with the archive, and its deletion nothing may change unnoticed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from tests.archive import archive_settings, history, live, originally, purged, shown, written
from tests.partitioned import partition_monthly
from threadline_ops.archive.look import AHEAD, Ahead, Look, look, looking_ahead
from threadline_ops.archive.purge import Purging
from threadline_ops.archive.session import joined
from threadline_ops.archive.slices import Slice
from threadline_ops.database import Database, opened
from threadline_ops.errors import Busy, DatabaseError
from threadline_ops.retention import phases
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    history(connection)
    made = archive_settings(audited, tmp_path)
    written(made)
    return made


def oldest(connection: psycopg.Connection) -> str:
    """The first change of the first slice."""
    (found,) = connection.execute("select id::text from audit_changes order by captured_at, id limit 1").fetchone()
    return found


def meanwhile(monkeypatch: pytest.MonkeyPatch, statement: Callable[[], object]) -> None:
    """Do something once, when the first slice has been looked at and its deletion has begun."""
    original, done = Purging._staying, []

    def staying(purging: Purging, part: Slice, *, holds: bool) -> int:
        if not done:
            done.append(statement())
        return original(purging, part, holds=holds)

    monkeypatch.setattr(Purging, "_staying", staying)


OTHERWISE = {
    "added": "insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)"
    " select transaction_id, 'public', 'forged', '{}', 'delete', captured_at + interval '1 microsecond'"
    " from audit_changes where id = %s",
    "changed": "update audit_changes set data_after = '{\"forged\": true}' where id = %s",
    "missing": "delete from audit_changes where id = %s",
    "transactions": "update audit_transactions set meta = '{\"forged\": true}' where id ="
    " (select transaction_id from audit_changes where id = %s)",
}


@pytest.mark.parametrize("gentle", [False, True])
@pytest.mark.parametrize("kind", OTHERWISE)
def test_what_is_altered_after_the_look_stays(
    kind: str, gentle: bool, settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    first = oldest(connection)
    meanwhile(monkeypatch, lambda: connection.execute(OTHERWISE[kind], (first,)))
    settings = settings.model_copy(update={"retention": settings.retention.model_copy(update={"gentle": gentle})})
    report = purged(settings)
    assert report.result.outcome == "differs"
    (differing,) = report.result.differing
    assert {name: len(getattr(differing, name)) for name in OTHERWISE} == {
        name: int(name == kind) for name in OTHERWISE
    }
    remaining = live(connection)
    assert (first in remaining) is (kind != "missing")
    assert purged(settings).result.outcome == "complete"
    assert not live(connection)


SAME = {
    "a change": "update audit_changes set data_after = data_after where id = %s",
    "a transaction": "update audit_transactions set meta = meta where id ="
    " (select transaction_id from audit_changes where id = %s)",
}


@pytest.mark.parametrize("what", SAME)
def test_what_is_written_again_as_it_was_goes_by_a_second_look(
    what: str, settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    original, first = originally(live(connection)), oldest(connection)
    tries: list[Slice] = []
    deleting = Purging._delete
    monkeypatch.setattr(
        Purging,
        "_delete",
        lambda own, entry, part, *rest: tries.append(part) or deleting(own, entry, part, *rest),
    )
    meanwhile(monkeypatch, lambda: connection.execute(SAME[what], (first,)))
    assert purged(settings).result.outcome == "complete"
    assert tries[0] == tries[1] != tries[2], "the first deletion met other versions than were looked at"
    assert not live(connection)
    assert shown(settings) == original


def test_a_difference_that_was_seen_ahead_and_has_passed_is_none(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def stale(ahead: Ahead, part: Slice) -> Look:
        return replace(look(ahead._database, part), measure=(0, "", 0, ""))

    monkeypatch.setattr(Ahead, "take", stale)
    assert purged(settings).result.outcome == "complete"


def test_a_trigger_that_keeps_changes_and_came_during_the_run_is_told(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(phases, "ANNOUNCED_REST", 0)
    before = live(connection)
    connection.execute("create function keep() returns trigger language plpgsql as $$ begin return null; end $$")
    trigger = "create trigger keep before delete on audit_changes for each row execute function keep()"
    meanwhile(monkeypatch, lambda: connection.execute(trigger))
    with pytest.raises(Busy, match="a trigger on audit_changes keeps them"):
        purged(settings)
    assert live(connection) == before


def test_where_changes_and_transactions_are_partitioned(audited: str, connection: psycopg.Connection, tmp_path: Path):
    """Places repeat, and a version is of a partition."""
    connection.execute(
        "alter table audit_transactions rename to whole;"
        "create table audit_transactions (like whole including defaults, primary key (id)) partition by hash (id);"
        "create table even partition of audit_transactions for values with (modulus 2, remainder 0);"
        "create table odd partition of audit_transactions for values with (modulus 2, remainder 1);"
        "drop table whole cascade"
    )
    partition_monthly(connection, date(2026, 4, 1), 2)
    history(connection, days=40, transactions=80)
    settings = archive_settings(audited, tmp_path)
    original = originally(live(connection))
    assert purged(settings).result.outcome == "complete"
    assert not live(connection)
    assert shown(settings) == original


def parts_of(settings: Settings, database: Database) -> list[Slice]:
    return [part for entry in joined(settings, database).days.values() for part in entry.manifest.slices]


def test_looking_ahead_sees_what_looking_sees(settings: Settings):
    with opened(settings, "test") as database:
        parts = parts_of(settings, database)
        assert len(parts) > 4
        with looking_ahead(opened(settings, "test"), parts) as ahead:
            assert ahead.take(parts[0]) is None, "nobody knew that it would be asked for"
            for part in parts[1:3] + parts[4:]:
                assert ahead.take(part) == look(database, part)
            assert ahead.take(parts[-1]) is None, "a second look is not the first one again"
            skipped = ahead.take(parts[0])
            assert skipped is None
            assert ahead.take(parts[AHEAD]) == look(database, parts[AHEAD])


def test_a_lost_connection_ends_the_looking_ahead_and_not_the_run(settings: Settings, connection: psycopg.Connection):
    with opened(settings, "test") as database:
        parts = parts_of(settings, database)
        with looking_ahead(opened(settings, "test"), parts) as ahead:
            ahead.take(parts[0])
            assert ahead.take(parts[1]) is not None
            connection.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where datname = current_database() and pid not in (pg_backend_pid(), %s)",
                (database.connection.info.backend_pid,),
            )
            ahead.take(parts[2])
            assert ahead.take(parts[3]) is None
        with pytest.raises(DatabaseError), opened(settings, "test") as lost:
            lost.connection.close()
            look(lost, parts[0])
