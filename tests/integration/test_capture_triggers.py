"""Running again converges; what differs is shown, repaired, or reported."""

import json

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from tests.capture import capture, changes, last, of
from threadline_ops.capture import names
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply, plans, prune, unlisted
from threadline_ops.cli import app
from threadline_ops.errors import CoverageGap, SettingsError
from threadline_ops.progress import drive
from threadline_ops.sections import CaptureSettings, CaptureTable

pytestmark = pytest.mark.pooled

#: Replaces the row trigger of t by one that misses something.
REPLACE = "create or replace trigger threadline_audit_t after {} on t for each row {} execute function {}"
EVENTS = "insert or update or delete"
OWN = "threadline_capture_changes_t()"

NASTY = [
    'we{i}rd % "t"',
    "'; drop table audit_changes; --",
    "$threadline$",
    "naïve été ☃",
    "Robert'); x",
    "a.b",
    "a,b",
    "%(x)s",
    "{}",
    "back\\slash",
    "select",
    "x" * 63,
    "é" * 31,
    "new",
    "old",
    "tg_op",
    "v_key",
]


def wanted(**tables: CaptureTable) -> CaptureSettings:
    return CaptureSettings(tables={f"public.{name}": value for name, value in tables.items()})


@pytest.mark.parametrize("settings", [{}, {"mask": ["x"]}, {"typed_pk": True, "truncate": "refuse"}])
def test_a_second_run_has_nothing_to_do(connection, settings):
    connection.execute("create table t (id int primary key, x text)")
    assert capture(connection, "t", **settings)[0].changed
    assert capture(connection, "t", **settings)[0].changed == ()


@pytest.mark.parametrize(
    "damage",
    [
        "alter table t disable trigger threadline_audit_t",
        "alter table t enable replica trigger threadline_audit_t",
        "drop trigger threadline_audit_t on t",
        "drop trigger threadline_truncate_t on t",
        REPLACE.format("insert", "", OWN),
        REPLACE.format("insert or delete or update of x", "", OWN),
        REPLACE.format(EVENTS, "when (false)", OWN),
        REPLACE.format(EVENTS, "", "threadline_capture_changes()"),
        REPLACE.format(EVENTS, "", "threadline_capture_changes_t('a', 'b')"),
        f"create or replace function {OWN} returns trigger language plpgsql as 'begin return null; end'",
        "alter function threadline_capture_changes_t() security invoker",
        "alter function threadline_capture_changes_t() reset search_path",
        "alter function threadline_capture_changes_t() set timezone = 'Asia/Tokyo'",
        "grant execute on function threadline_capture_changes_t() to public",
        "create trigger threadline_audit_a after insert on t execute function threadline_capture_changes()",
    ],
)
def test_any_damage_shows_in_the_diff_and_is_repaired(connection, damage):
    connection.execute("create table t (id int primary key, x text)")
    settings = wanted(t=CaptureTable(mask=("x",)))
    drive(apply(of(connection), None, settings), lambda _: None)
    connection.execute(damage)
    (plan,) = plans(of(connection), None, settings)
    assert len(plan.steps) == 1, [step.name for step in plan.steps]
    assert "--- deployed" in plan.steps[0].diff()
    drive(apply(of(connection), None, settings), lambda _: None)
    assert [plan.steps for plan in plans(of(connection), None, settings)] == [()]
    connection.execute("insert into t values (1, 'secret')")
    assert [change["after"] for change in changes(connection)] == [{"id": 1, "x": "[REDACTED]"}]


def test_settings_that_go_take_the_tables_own_function_with_them(connection):
    connection.execute("create table t (id int primary key, x text)")
    capture(connection, "t", mask=["x"])
    assert "function threadline_capture_changes_t" in capture(connection, "t")[0].changed
    assert connection.execute("select to_regproc('threadline_capture_changes_t')").fetchone() == (None,)


def test_a_renamed_table_is_not_captured_twice(connection):
    connection.execute("create table t (id int primary key)")
    capture(connection, "t")
    connection.execute("alter table t rename to u")
    capture(connection, "u")
    connection.execute("insert into u values (1)")
    assert [change["table_name"] for change in changes(connection)] == ["u"]


def test_a_table_that_no_setting_names_is_reported_and_pruned_only_on_request(connection):
    connection.execute("create table keep (id int primary key)")
    connection.execute("create table gone (a int, b int, primary key (a, b)) partition by list (b)")
    connection.execute("create table gone_1 partition of gone for values in (1)")
    capture(connection, "keep", "gone")
    settings = wanted(keep=CaptureTable())
    result = drive(apply(of(connection), None, settings), lambda _: None)
    assert result.unlisted == ("public.gone",)
    assert drive(prune(of(connection), settings), lambda _: None) == ("public.gone",)
    left = connection.execute(
        "select distinct tgname::text from pg_trigger where tgname ~ '^threadline' order by 1"
    ).fetchall()
    assert left == [("threadline_audit_keep",), ("threadline_truncate_keep",)]
    assert connection.execute("select to_regproc('threadline_capture_changes_gone')").fetchone() == (None,)
    assert unlisted(of(connection), settings) == []


def test_pruning_with_empty_settings_is_refused(connection):
    with pytest.raises(SettingsError, match="stop all capture"):
        drive(prune(of(connection), CaptureSettings()), lambda _: None)


@pytest.mark.parametrize(
    ("create", "table", "error", "message"),
    [
        ("select 1", "nope", CoverageGap, "no such table"),
        ("select 1", "audit_changes", SettingsError, "never captured"),
        ("create view v as select 1 as id", "v", CoverageGap, "no such table"),
        (
            "create table p (id int primary key) partition by list (id); create table p1 partition of p default",
            "p1",
            SettingsError,
            "partition",
        ),
    ],
)
def test_what_cannot_be_captured_is_an_error(connection, create, table, error, message):
    connection.execute(create)
    with pytest.raises(error, match=message):
        capture(connection, table)


@pytest.mark.parametrize("name", NASTY)
def test_any_name_of_a_table_or_column_is_only_a_name(connection, name):
    table, column = sql.Identifier(name), sql.Identifier(name)
    plain = "y" * 31 + "é" * 16
    connection.execute(
        sql.SQL("create table {} ({} int, {} text, z int, primary key ({}, z))").format(
            table, column, sql.Identifier(plain), column
        )
    )
    quoted = '"' + name.replace('"', '""') + '"'
    for settings in (
        {"mask": [plain], "store_changed_from": True, "skip_noop": True},
        {"exclude": [plain], "except_columns": [plain], "key": [name], "typed_pk": True, "store_changed_from": True},
    ):
        capture(connection, f"public.{quoted}", **settings)
        assert capture(connection, f"public.{quoted}", **settings)[0].changed == ()
        connection.execute(sql.SQL("insert into {} values (1, 'a', 2)").format(table))
        connection.execute(sql.SQL("update {} set {} = 5, {} = 'b'").format(table, column, sql.Identifier(plain)))
        assert name in last(connection)["fields"]
        assert last(connection)["before"][name] == 1
        connection.execute(sql.SQL("truncate {}").format(table))
        assert last(connection)["pk"][name] in ("5", 5)
    assert {change["table_name"] for change in changes(connection)} == {name}


def test_tables_whose_names_share_a_beginning_or_a_schema_do_not_share_a_function(connection):
    connection.execute("create schema other")
    tables = ["x" * 50 + "_a", "x" * 50 + "_b", "short"]
    full = [Table("public", name) for name in tables] + [Table("other", name) for name in tables]
    assert len({names.function_name(table, "public") for table in full}) == 6
    for table in full:
        connection.execute(
            sql.SQL("create table {} (k int primary key, a text, b text)").format(
                sql.Identifier(table.schema, table.name)
            )
        )
        masked = "a" if table.schema == "public" else "b"
        capture(connection, str(table), mask=[masked])
        connection.execute(
            sql.SQL("insert into {} values (1, 'A', 'B')").format(sql.Identifier(table.schema, table.name))
        )
    assert [(c["after"]["a"], c["after"]["b"]) for c in changes(connection)] == [("[REDACTED]", "B")] * 3 + [
        ("A", "[REDACTED]")
    ] * 3


def test_triggers_that_fire_before_capture_are_warned_of(connection):
    connection.execute("create table t (id int primary key) ; create table child () inherits (t)")
    connection.execute("create function nothing() returns trigger language plpgsql as 'begin return null; end'")
    connection.execute("create trigger aaa after insert on t for each row execute function nothing()")
    (event,) = capture(connection, "t")
    assert "aaa fire before capture" in event.warnings[0]
    assert "inheritance" in event.warnings[1]


def test_the_command_line(connection, audited, monkeypatch, tmp_path):
    config = tmp_path / "threadline.toml"
    config.write_text('[capture.tables."public.t"]\nmask = ["x"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREADLINE_OPS_CONFIG", str(config))
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    connection.execute("create table t (id int primary key, x text); create table u (id int primary key)")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "+for each row" in run("triggers", "--dry-run")
    printed = run("triggers", "--sql")
    assert connection.execute("select count(*) from pg_trigger where tgname ~ '^threadline'").fetchone() == (0,)
    connection.execute(printed)
    assert "public.t: as wanted" in run("triggers", "--dry-run")
    assert "public.t: as wanted" in run("triggers")
    assert "changed" in run("triggers", "--tables", "u")
    assert "public.u is captured although no setting names it" in run("triggers")
    assert json.loads(run("triggers", "--prune", "--json"))["pruned"] == ["public.u"]
    assert "create table if not exists" in run("install", "--sql")
    assert json.loads(run("install", "--json"))["schema"] == "public"


def test_a_lost_privilege_is_our_error(connection, audited):
    connection.execute("create role nobody_much login password 'p'; create table t (id int primary key)")
    try:
        with psycopg.connect(
            psycopg.conninfo.make_conninfo(audited, user="nobody_much", password="p"), autocommit=True
        ) as weak:
            from threadline_ops.errors import DatabaseError

            with pytest.raises(DatabaseError, match="privilege"):
                capture(weak, "t")
    finally:
        connection.execute("drop role nobody_much")
