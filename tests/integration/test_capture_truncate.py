"""TRUNCATE fires no row trigger, and is captured all the same."""

import psycopg
import pytest

from tests.capture import capture, changes, of
from threadline_ops.errors import SettingsError


def deletes(connection: psycopg.Connection) -> list:
    return [change["pk"] for change in changes(connection) if change["op"] == "delete"]


@pytest.mark.pooled
def test_every_row_gets_its_delete_and_the_transaction_says_why(host):
    host.execute('create table "T x" (a int, b text, primary key (a, b))')
    capture(host, "T x")
    host.execute("""insert into "T x" values (1, 'x'), (2, 'y')""")
    host.execute('truncate "T x"')
    assert deletes(host) == [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}]
    assert changes(host)[-1]["meta"] == {"truncated": ['public."T x"']}


def test_typed_keys_stay_typed(connection):
    connection.execute("create table t (id int primary key)")
    capture(connection, "t", typed_pk=True)
    connection.execute("insert into t values (1)")
    connection.execute("truncate t")
    assert deletes(connection) == [{"id": 1}]


def test_a_marker_is_one_delete_with_an_empty_key(connection):
    connection.execute("create table t (id int primary key)")
    capture(connection, "t", truncate="marker")
    connection.execute("insert into t select generate_series(1, 5)")
    connection.execute("truncate t")
    assert deletes(connection) == [{}]


@pytest.mark.pooled
def test_refused(host):
    host.execute("create table t (id int primary key)")
    capture(host, "t", truncate="refuse")
    host.execute("insert into t values (1)")
    with pytest.raises(psycopg.errors.RestrictViolation, match=r"public\.t is refused"):
        host.execute("truncate t")
    assert host.execute("select count(*) from t").fetchone() == (1,)


def test_ignored_when_told_so(connection):
    connection.execute("create table t (id int primary key)")
    capture(connection, "t")
    capture(connection, "t", truncate="ignore")
    connection.execute("insert into t values (1)")
    connection.execute("truncate t")
    assert deletes(connection) == []


@pytest.mark.parametrize("truncated", ["t", "t_eu, t_us", "t_deep"])
def test_a_partitioned_tables_rows_are_captured_once(connection, truncated):
    connection.execute("create table t (id int, region text, primary key (id, region)) partition by list (region)")
    connection.execute("create table t_eu partition of t for values in ('eu')")
    connection.execute("create table t_deep partition of t for values in ('x', 'y') partition by list (region)")
    connection.execute("create table t_x partition of t_deep for values in ('x')")
    capture(connection, "t")
    connection.execute("create table t_us partition of t for values in ('us')")
    if truncated != "t":
        capture(connection, "t")
    connection.execute("insert into t values (1, 'eu'), (2, 'us'), (3, 'x')")
    connection.execute(f"truncate {truncated}")
    expected = {"t": ["1", "2", "3"], "t_eu, t_us": ["1", "2"], "t_deep": ["3"]}[truncated]
    assert sorted(key["id"] for key in deletes(connection)) == expected
    assert {change["table_name"] for change in changes(connection)} == {"t"}


def test_rows_that_the_audit_owner_cannot_see_are_an_error_not_a_gap(connection):
    connection.execute("create role audit_owner_r; create role app_owner_r")
    try:
        connection.execute("grant create, usage on schema public to audit_owner_r, app_owner_r")
        connection.execute("alter table audit_changes owner to audit_owner_r")
        connection.execute("alter table audit_transactions owner to audit_owner_r")
        connection.execute("create table t (id int primary key)")
        with pytest.raises(SettingsError, match="cannot read every row"):
            capture(connection, "t")
        connection.execute("grant select on t to audit_owner_r")
        capture(connection, "t")
        connection.execute("alter table t enable row level security")
        with pytest.raises(SettingsError, match="cannot read every row"):
            capture(connection, "t")
        assert of(connection).settings.audit_schema == "public"
    finally:
        connection.execute("reset role; drop owned by audit_owner_r, app_owner_r cascade")
        connection.execute("drop role audit_owner_r; drop role app_owner_r")
