"""Readiness, as-of over a baseline, the audit horizon and the completeness estimate."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.audit import count
from tests.continuity import Found, baseline, capture, found, redacting, settings_for, verified
from threadline_ops.continuity import (
    Baselines,
    Trail,
    changes,
    copying,
    readiness,
    reading,
    run_baseline,
    run_verify,
    store,
    tables,
    verification,
)
from threadline_ops.continuity.horizon import horizon
from threadline_ops.coverage import run_coverage
from threadline_ops.database import opened
from threadline_ops.errors import LockHeld, SettingsError, UnsafeDatabase
from threadline_ops.investigate import as_of
from threadline_ops.lock import single_flight
from threadline_ops.sections import CoverageSettings, RetentionSettings
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    connection.execute("create table things (id int primary key, v text)")
    connection.execute("insert into things select i, 'v' || i from generate_series(1, 20) i")
    made = settings_for(audited, tmp_path)
    capture(made, "things")
    return made


def ready(settings: Settings, table: str = "things"):
    with opened(settings, "tests") as database:
        (one,) = readiness(database, [table], settings, store=store(settings))
        return one


def now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.pooled
def test_a_captured_table_is_ready_and_says_what_it_does_not_know(settings: Settings, connection):
    fresh = ready(settings)
    assert (fresh.ready, fresh.t0, fresh.t0_source) == (True, None, "not known")
    assert (fresh.rows, fresh.rows_never_seen, fresh.baseline) == (20, 20, None)
    connection.execute("update things set v = 'x' where id <= 3")
    baseline(settings, "things")
    later = ready(settings)
    assert later.t0_source == "first change"
    assert later.t0 is not None
    assert (later.rows, later.rows_never_seen, later.baseline) == (20, 17, 1)


def test_a_check_on_record_bounds_t0_and_one_that_saw_a_gap_ends_what_was_known(settings: Settings, connection):
    assert ready(settings).t0_source == "not known"
    checked = settings.model_copy(update={"coverage": CoverageSettings(expected_tables=("things",))})
    first = json.loads(run_coverage(checked).evidence.read_text())["ended"]
    connection.execute("update things set v = 'x'")
    run_coverage(checked)
    one = ready(settings)
    assert (one.t0_source, one.t0) == ("evidence", datetime.fromisoformat(first))
    connection.execute("alter table things disable trigger all")
    run_coverage(checked)
    connection.execute("alter table things enable trigger all")
    assert ready(settings).t0_source == "not known", "the change lies before the gap"
    connection.execute("update things set v = 'y' where id = 1")
    after = ready(settings)
    assert after.t0_source == "first change"
    assert after.t0 > one.t0
    again = json.loads(run_coverage(checked).evidence.read_text())["ended"]
    assert after.t0 < datetime.fromisoformat(again)
    assert ready(settings).t0 == after.t0, "the earlier bound is the better one"


def test_a_table_without_a_key_is_counted_and_said_to_be_untold(settings: Settings, connection):
    connection.execute("create table log (n int); insert into log values (1), (1)")
    capture(settings, "log")
    one = ready(settings, "log")
    assert (one.ready, one.rows, one.rows_never_seen) == (True, 2, None)


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        ("alter table things disable trigger all", "is disabled"),
        ("alter table things enable replica trigger threadline_audit_things", "replica role only"),
        ("drop trigger threadline_audit_things on things", "no capture trigger"),
        (
            "create or replace trigger threadline_audit_things after insert on things for each row"
            " execute function threadline_capture_changes()",
            "does not fire on update, delete",
        ),
        (
            "create or replace trigger threadline_audit_things after insert or update or delete on things"
            " for each row when (false) execute function threadline_capture_changes()",
            "has a WHEN condition",
        ),
        (
            "create or replace trigger threadline_audit_things after insert or update of v or delete on things"
            " for each row execute function threadline_capture_changes()",
            "fires on updates of v only",
        ),
        (
            "create or replace function threadline_capture_changes() returns trigger language plpgsql"
            " as $$ begin return null; end $$",
            "function",
        ),
        ("alter table things rename to others", "there is no such table"),
    ],
)
def test_a_table_whose_writes_may_get_past_is_not_ready(settings: Settings, connection, break_it, reason):
    connection.execute(break_it)
    one = ready(settings)
    assert not one.ready
    assert reason in one.problems[0]


def test_inheritance_children_without_capture_are_named(settings: Settings, connection):
    connection.execute("create table child (primary key (id)) inherits (things)")
    assert ready(settings).uncaptured_children == ("public.child",)
    capture(settings, "child")
    assert ready(settings).uncaptured_children == ()


def test_all_captured_tables_are_found_and_the_settings_may_name_others(settings: Settings, connection):
    connection.execute("create table part (id int primary key) partition by hash (id)")
    connection.execute("create table part_1 partition of part for values with (modulus 1, remainder 0)")
    capture(settings, "part")
    with opened(settings, "tests") as database:
        assert tables(database, settings.continuity) == ["public.part", "public.things"]
        named = settings.continuity.model_copy(update={"tables": ("elsewhere.t", "u")})
        assert tables(database, named) == ["elsewhere.t", "public.u"]


def test_what_a_purge_may_have_taken_is_unknown_not_bypassed(settings: Settings, connection):
    baseline(settings, "things")
    connection.execute("update things set v = 'x' where id in (1, 2)")
    connection.execute("delete from things where id = 3")
    connection.execute("insert into things values (50, 'y')")
    connection.execute("update things set v = 'z' where id = 2")
    cutoff = now(connection)
    connection.execute("delete from audit_changes")  # as a purge does
    connection.execute("update things set v = 'captured' where id = 2")
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past' where id = 2")
    assert {one.kind for one in found(verified(settings, "things"))} == {"bypassed", "vanished", "appeared"}
    assert found(verified(settings, "things", horizon=cutoff)) == {
        Found("unknown", ("1",), ("v",)),
        Found("bypassed", ("2",), ("v",)),
        Found("unknown", ("3",), ()),
        Found("unknown", ("50",), ()),
    }


def test_the_horizon_comes_from_evidence_and_policy(settings: Settings, connection):
    with opened(settings, "tests") as database:
        identity, clock = database.identity(), database.now()
    assert horizon(settings, identity, clock) is None
    policy = settings.model_copy(update={"retention": RetentionSettings(enabled=True, keep_days=30)})
    assert horizon(policy, identity, clock) == clock - timedelta(days=30)
    purged = {
        "database": {"system_identifier": identity.system_identifier, "database": identity.database},
        "mode": "execute",
        "parameters": {"cutoff": (clock - timedelta(days=3)).isoformat()},
        "figures": {"deleted_changes": 5},
    }
    settings.evidence.directory.mkdir(parents=True)
    (settings.evidence.directory / "run.json").write_text(json.dumps(purged))
    assert horizon(policy, identity, clock) == clock - timedelta(days=3)


def test_threadlines_own_key_format_works_and_lost_deletes_are_admitted(settings: Settings, connection):
    """{"id": null} for a key of another name: changes with a row still name it, deletes do not."""
    connection.execute("create table codes (code text primary key, v text)")
    capture(settings, "codes")
    connection.execute("insert into codes values ('a', '1'), ('b', '1'), ('c', '1')")
    baseline(settings, "codes")
    connection.execute("update codes set v = '2' where code in ('a', 'b')")
    connection.execute("delete from codes where code = 'c'")
    connection.execute("update audit_changes set table_pk = '{\"id\": null}'")
    result = verified(settings, "codes")
    assert result.unidentified == 1
    assert found(result) == {Found("unknown", ("c",), ())}
    assert result.gaps == 0


def test_a_change_of_the_key_ends_the_old_identity(settings: Settings, connection):
    capture(redacting(settings, "public.things", store_changed_from=True), "things")
    baseline(settings, "things")
    connection.execute("update things set id = 100 where id = 5")
    connection.execute("update things set id = 101 where id = 100")
    assert found(verified(settings, "things")) == set()


def test_a_trigger_that_writes_its_own_row_is_no_gap(settings: Settings, connection):
    connection.execute(
        "create function again() returns trigger language plpgsql as $$ begin"
        " update things set v = v || '+' where id = new.id; return null; end $$"
    )
    connection.execute("create trigger a_first after insert on things for each row execute function again()")
    connection.execute("insert into things values (30, 'x')")
    order = [op for (op,) in connection.execute("select op from audit_changes order by captured_at")]
    assert order == ["update", "insert"], "the inner write is captured first"
    baseline_less = verified(settings, "things")
    assert baseline_less.reordered == 1
    assert baseline_less.gaps == 0


def test_added_dropped_and_retyped_columns_raise_no_alarm(settings: Settings, connection):
    connection.execute("alter table things add column price numeric(10,1) default 1.5, add column gone int default 1")
    baseline(settings, "things")
    connection.execute("update things set v = 'x' where id = 1")
    connection.execute("alter table things add column added text default 'new'")
    connection.execute("alter table things drop column gone")
    connection.execute("alter table things alter column price type numeric(12,4)")
    result = verified(settings, "things")
    assert found(result) == set()
    assert result.not_compared == ("added", "gone")


def test_a_value_that_no_longer_fits_is_unknown(settings: Settings, connection):
    connection.execute("create domain code as text; create table odd (id int primary key, c code)")
    capture(settings, "odd")
    connection.execute("insert into odd values (1, 'bad'), (2, 'good'), (3, 'good')")
    connection.execute("set session_replication_role = replica")
    connection.execute("update odd set c = 'good too' where id = 1")
    connection.execute("alter domain code add constraint fits check (value like 'good%')")
    assert found(verified(settings, "odd")) == {Found("unknown", ("1",), ())}


def test_a_window_narrows_with_every_verification(settings: Settings, connection):
    baseline(settings, "things")
    clean = verified(settings, "things")
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past' where id = 3")
    first = verified(settings, "things")
    assert (first.since, first.until) == (clean.at, first.at)
    connection.execute("update things set v = 'past' where id = 4")
    second = verified(settings, "things")
    windows = {
        json.loads(line)["key"]["id"]: (json.loads(line)["since"], json.loads(line)["until"])
        for line in Path(second.report).read_text().splitlines()
    }
    assert windows == {
        "3": (clean.at.isoformat(), first.at.isoformat()),
        "4": (first.at.isoformat(), second.at.isoformat()),
    }


def test_a_sample_compares_some_chunks_whole(settings: Settings, connection):
    baseline(settings, "things")
    connection.execute("insert into things select i, 'later' from generate_series(21, 60) i")
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past'")
    connection.execute("delete from things where id in (2, 9, 16, 50)")
    sizes = {verified(settings, "things", sample=0.3, seed=seed).gaps for seed in range(6)}
    assert sizes == {7, 46}, "of chunks 1 to 7, 8 to 14, and 15 to the end"


def test_memory_spills_to_files_and_finds_the_same(settings: Settings, connection, monkeypatch):
    monkeypatch.setattr(verification, "newest", lambda blocks, place: changes.newest(blocks, place, memory=3))
    monkeypatch.setattr(copying, "BLOCK_BYTES", 150)
    baseline(settings, "things")
    connection.execute("update things set v = 'x'")
    connection.execute("delete from things where id = 7")
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past' where id = 3")
    assert found(verified(settings, "things")) == {Found("bypassed", ("3",), ("v",))}


def test_wide_rows_shrink_the_chunks_instead_of_filling_memory(settings: Settings, connection):
    connection.execute("create table wide (id int primary key, v text)")
    connection.execute("insert into wide select i, repeat('x', 5000) from generate_series(1, 40) i")
    small = settings.model_copy(
        update={"continuity": settings.continuity.model_copy(update={"chunk_rows": 40, "chunk_bytes": 10_000})}
    )
    result = baseline(small, "wide")
    assert result.rows == 40
    assert result.chunks > 5
    assert found(verified(small, "wide")) == set()


@pytest.mark.pooled
def test_runs_leave_evidence_without_values(settings: Settings, connection):
    taken = run_baseline(settings, "things")
    assert json.loads(taken.evidence.read_text())["figures"]["rows"] == 20
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'honeytoken' where id = 3")
    checked = run_verify(settings, "public.things")
    record = json.loads(checked.evidence.read_text())
    assert (record["outcome"], record["status"]) == ("gaps", "Issue")
    assert record["figures"]["counts"]["bypassed"] == 1
    assert "honeytoken" not in checked.evidence.read_text() + Path(checked.result.report).read_text()
    before = count(connection, "audit_changes")
    assert before == 0
    with pytest.raises(SettingsError, match="above 0"):
        run_verify(settings, "things", sample=0)


@pytest.mark.pooled
def test_a_second_run_on_the_same_table_fails_at_once(settings: Settings):
    with (
        single_flight(settings, "continuity_baseline public.things", run_id="the-first"),
        pytest.raises(LockHeld, match="the-first"),
    ):
        run_baseline(settings, "things")


def _flushed(connection: psycopg.Connection) -> None:
    connection.execute("select pg_stat_force_next_flush()")
    connection.execute("select 1")


@pytest.mark.pooled
def test_the_estimate_follows_writes_and_a_lasting_surplus_stands_out(settings: Settings, connection):
    trail: Trail | None = None
    surpluses = []
    _flushed(connection)
    with opened(settings, "tests") as database:
        for step in range(6):
            if step in (1, 2):
                connection.execute("update things set v = v || '.'")
            if step == 3:
                connection.execute("set session_replication_role = replica")
                connection.execute("update things set v = v || '!'")
                connection.execute("set session_replication_role = origin")
            _flushed(connection)
            estimate, trail = reading(database, "things", trail)
            surpluses.append(estimate.surplus)
            assert trail.sustained == (step == 5)
        assert surpluses == [0, 0, 0, 20, 20, 20]
        connection.execute("select pg_stat_reset()")
        estimate, trail = reading(database, "things", trail)
        assert estimate.restarted
        assert trail.surpluses == ()


def test_rows_hidden_by_row_security_are_an_error_not_a_gap(settings: Settings, connection, audited):
    baseline(settings, "things")
    connection.execute("alter table things enable row level security")
    connection.execute("create role half_blind login password 'p'")
    connection.execute("grant select on all tables in schema public to half_blind")
    blind = settings.model_copy(update={"dsn": SecretStr(make_conninfo(audited, user="half_blind", password="p"))})
    try:
        for work in (lambda: baseline(blind, "things", refresh=True), lambda: verified(blind, "things")):
            with pytest.raises(UnsafeDatabase, match="row-level security"):
                work()
    finally:
        connection.execute("drop owned by half_blind; drop role half_blind")


AUDIT = ("audit_changes", "audit_transactions", "audit_actions")


def test_nothing_that_continuity_does_touches_the_audit_tables(settings: Settings, connection):
    connection.execute("create table log (n int); insert into log values (1)")
    capture(settings, "log")
    connection.execute("update things set v = 'x' where id < 5")
    before = [count(connection, name) for name in AUDIT]
    # A trigger that refuses every write shows more than equal counts would.
    connection.execute("create function refuse() returns trigger language plpgsql as $$ begin raise 'written'; end $$")
    for name in AUDIT:
        connection.execute(
            f"create trigger refuse before insert or update or delete or truncate on {name}"
            " for each statement execute function refuse()"
        )
        connection.execute(f"alter table {name} enable always trigger refuse")
    for table in ("things", "log"):
        assert ready(settings, table).ready
        run_baseline(settings, table)
        run_baseline(settings, table, refresh=True)
    assert run_verify(settings, "things").result.gaps == 0
    with opened(settings, "tests") as database:
        reading(database, "things", reading(database, "things", None)[1])
        baselines = Baselines(database, store(settings))
        assert as_of(database, "things", {"id": 9}, now(connection), baseline=baselines).source == "baseline"
    assert before == [count(connection, name) for name in AUDIT]
    with pytest.raises(psycopg.errors.RaiseException):
        connection.execute("update things set v = 'y' where id = 1")
