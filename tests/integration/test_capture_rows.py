"""What the row trigger records, for every kind of key, column and session."""

import json

import psycopg
import pytest

from tests.capture import capture, changes, last


def shown(connection: psycopg.Connection) -> list[tuple[str, dict]]:
    return [(change["op"], change["pk"]) for change in changes(connection)]


@pytest.mark.pooled
def test_an_insert_update_and_delete_of_a_plain_table(host):
    host.execute("create table orders (id int primary key, state text, total numeric)")
    capture(host, "orders")
    host.execute("insert into orders values (7, 'new', 1.50)")
    host.execute("update orders set total = 2, state = 'paid'")
    host.execute("update orders set state = state")
    host.execute("delete from orders")
    rows = changes(host)
    assert [(r["op"], r["pk"], r["fields"], r["before"]) for r in rows] == [
        ("insert", {"id": "7"}, None, None),
        ("update", {"id": "7"}, ["state", "total"], None),
        ("update", {"id": "7"}, None, None),
        ("delete", {"id": "7"}, None, None),
    ]
    assert [r["after"] and r["after"]["state"] for r in rows] == ["new", "paid", "paid", None]
    assert {(r["table_schema"], r["table_name"]) for r in rows} == {("public", "orders")}
    assert len({r["transaction_id"] for r in rows}) == 4


@pytest.mark.pooled
def test_one_transaction_has_one_audit_transaction_however_many_tables_it_writes(host):
    host.execute("create table a (id int primary key); create table b (code text primary key)")
    capture(host, "a", "b")
    with host.transaction():
        host.execute("insert into a select generate_series(1, 3)")
        with host.transaction():
            host.execute("insert into b values ('x')")
    assert len(changes(host)) == 4
    assert host.execute("select count(*) from audit_transactions").fetchone() == (1,)


def test_a_first_write_in_a_savepoint_that_is_rolled_back_leaves_the_next_one_captured(connection):
    connection.execute("create table a (id int primary key)")
    capture(connection, "a")
    with connection.transaction():
        with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
            connection.execute("insert into a values (1), (1)")
        connection.execute("insert into a values (2)")
    assert shown(connection) == [("insert", {"id": "2"})]


@pytest.mark.parametrize(
    ("columns", "values", "typed", "expected"),
    [
        ("id bigint primary key", "5", False, {"id": "5"}),
        ("id bigint primary key", "5", True, {"id": 5}),
        (
            "id uuid primary key",
            "'6f2c1f0e-0000-4000-8000-000000000001'",
            True,
            {"id": "6f2c1f0e-0000-4000-8000-000000000001"},
        ),
        ("code text primary key, id int", "'x', 9", False, {"code": "x"}),
        ("b int, a text, primary key (a, b)", "1, 'k'", False, {"a": "k", "b": "1"}),
        ("b int, a boolean, primary key (a, b)", "1, true", True, {"a": True, "b": 1}),
        ("id int unique, ref int not null unique", "1, 2", False, {"ref": "2"}),
    ],
)
def test_the_key_is_the_real_one(connection, columns, values, typed, expected):
    connection.execute(f"create table t ({columns})")
    capture(connection, "t", typed_pk=typed)
    connection.execute(f"insert into t values ({values})")
    connection.execute("delete from t")
    assert shown(connection) == [("insert", expected), ("delete", expected)]


def test_a_configured_key_wins(connection):
    connection.execute("create table t (id int primary key, tenant int not null, slug text not null)")
    capture(connection, "t", key=["tenant", "slug"])
    connection.execute("insert into t values (1, 2, 's')")
    assert last(connection)["pk"] == {"tenant": "2", "slug": "s"}


def test_a_table_without_any_key_is_identified_by_the_whole_row_and_says_so(connection):
    wide = ", ".join(f"c{number} int default {number}" for number in range(60))
    connection.execute(f"create table t (name text, {wide})")
    (event,) = capture(connection, "t")
    assert "whole row" in event.warnings[0]
    connection.execute("insert into t values ('a')")
    connection.execute("update t set name = 'b'")
    connection.execute("delete from t")
    assert [change["pk"]["name"] for change in changes(connection)] == ["a", "a", "b"]
    assert len(last(connection)["pk"]) == 61


def test_a_changed_key_ends_the_old_identity_and_keeps_its_value(connection):
    connection.execute("create table t (id int primary key, x text)")
    capture(connection, "t")
    connection.execute("insert into t values (1, 'a')")
    connection.execute("update t set id = 2")
    assert shown(connection) == [("insert", {"id": "1"}), ("delete", {"id": "1"}), ("update", {"id": "2"})]
    assert (last(connection)["fields"], last(connection)["before"]) == (["id"], {"id": 1})


def test_keys_that_shift_along_are_not_ended(connection):
    connection.execute("create table t (id int primary key deferrable, x text)")
    capture(connection, "t")
    connection.execute("insert into t values (1, 'a'), (2, 'b'), (3, 'c')")
    connection.execute("update t set id = id + 1")
    assert [change for change in shown(connection) if change[0] == "delete"] == [("delete", {"id": "1"})]
    with connection.transaction():
        connection.execute("update t set id = case id when 2 then 3 when 3 then 2 else id end")
    assert sum(op == "delete" for op, _ in shown(connection)) == 1


def test_before_values_are_sparse_and_leave_out_except_columns(connection):
    connection.execute("create table t (id int primary key, a int, b int, touched int)")
    capture(connection, "t", store_changed_from=True, except_columns=["touched"])
    connection.execute("insert into t values (1, 1, 1, 1)")
    connection.execute("update t set a = null, touched = 2")
    assert (last(connection)["fields"], last(connection)["before"]) == (["a"], {"a": 1})
    assert last(connection)["after"]["touched"] == 2


def test_no_op_updates_are_skipped_only_when_asked(connection):
    connection.execute("create table t (id int primary key, n numeric, doc json, seen int)")
    connection.execute("insert into t values (1, 1.0, '{}', 1)")
    capture(connection, "t", skip_noop=True, exclude=["seen"])
    connection.execute("update t set n = n")
    connection.execute("update t set seen = 2")
    assert changes(connection) == []
    connection.execute("update t set n = 1.00")
    connection.execute("update t set doc = '[]'")
    assert [str(change["after"]["n"]) for change in changes(connection)] == ["1.0", "1.0"]
    found = connection.execute("select count(*) from audit_changes where data_after::text like '%1.00%'").fetchone()
    assert found == (2,)


def test_rendering_does_not_depend_on_the_session(connection):
    connection.execute("create domain moment as timestamptz")
    connection.execute("create type span as (at timestamptz, length interval)")
    connection.execute(
        "create table t (id int primary key, at timestamptz, at2 moment, d daterange, r tstzrange, i interval,"
        " b bytea, f float8, s span, a timestamptz[], c regclass)"
    )
    capture(connection, "t")
    insert = (
        "insert into t values (1, '2026-01-02 03:04:05.000006+00', '2026-01-02 03:04:05+00', '[2026-01-02,2026-02-03)',"
        " '[2026-01-02 00:00+00,)', '1 year 2 mons 3 days 04:05:06', '\\x00ff', 0.1::float8 + 0.2,"
        " row('2026-01-02 03:04:05+00', '90 minutes'), array['2026-01-02 03:04:05+00'::timestamptz], 't'::regclass)"
    )
    for setting in (
        "set timezone = 'Asia/Tokyo'",
        "set datestyle = 'SQL, DMY'",
        "set intervalstyle = 'postgres_verbose'",
        "set bytea_output = 'escape'",
        "set extra_float_digits = 0",
        "select 1",
    ):
        connection.execute(setting)
        connection.execute(insert)
        connection.execute("delete from t")
    inserts = [json.dumps(c["after"], sort_keys=True) for c in changes(connection) if c["op"] == "insert"]
    assert len(set(inserts)) == 1
    assert json.loads(inserts[0])["at"] == "2026-01-02T03:04:05.000006+00:00"
    assert connection.execute("show timezone").fetchone() == ("Asia/Tokyo",), "the session keeps its own"


def test_every_kind_of_column_comes_back_as_it_was(connection):
    connection.execute("create type mood as enum ('sad', 'ok'); create type pair as (a int, b text)")
    connection.execute("create domain positive as int check (value > 0)")
    connection.execute(
        "create table t (id int primary key, e mood, d positive, p pair, ps pair[], r int4range, n numeric(30, 10),"
        " double int generated always as (id * 2) stored, j jsonb, doc json, f float8, m mood[], b bytea,"
        " bits bit(3))"
    )
    capture(connection, "t", store_changed_from=True)
    connection.execute(
        "insert into t (id, e, d, p, ps, r, n, j, doc, f, m, b, bits) values (1, 'ok', 3, row(1, 'x\"'),"
        " array[row(1, 'y')::pair],"
        " '[1,5)', 12345678901234567890.0123456789, '{\"a\": [1, null]}', '{\"k\": 1}', 'NaN', '{sad,ok}',"
        " '\\x00', b'101')"
    )
    same = connection.execute(
        "select (jsonb_populate_record(null::t, data_after))::text = (select t::text from t) from audit_changes"
    ).fetchone()
    assert same == (True,)


def test_partitions_record_their_parents_name(connection):
    connection.execute("create table t (id int, region text, primary key (id, region)) partition by list (region)")
    connection.execute("create table t_eu partition of t for values in ('eu')")
    capture(connection, "t")
    connection.execute("create table t_us partition of t for values in ('us')")
    connection.execute("insert into t values (1, 'eu')")
    connection.execute("insert into t_us values (2, 'us')")
    connection.execute("update t set region = 'us' where id = 1")
    assert {(c["table_schema"], c["table_name"]) for c in changes(connection)} == {("public", "t")}
    assert [op for op, _ in shown(connection)] == ["insert", "insert", "delete", "insert"]
