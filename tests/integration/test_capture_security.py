"""The application's role needs no rights, gets none, and cannot divert, forge or abort capture."""

import json
import secrets

import psycopg
import pytest
from psycopg import sql

from tests.capture import capture, changes, last, of
from threadline_ops.capture.install import install
from threadline_ops.capture.objects import PINNED


@pytest.fixture
def role(connection):
    """An application's role, which owns and writes a captured table."""
    name = sql.Identifier(f"app_{secrets.token_hex(4)}")
    connection.execute(sql.SQL("create role {}").format(name))
    connection.execute(sql.SQL("grant usage, create on schema public to {}").format(name))
    connection.execute("create table t (id int primary key, x text)")
    connection.execute(sql.SQL("alter table t owner to {}").format(name))
    capture(connection, "t")
    connection.execute(sql.SQL("set role {}").format(name))
    yield name
    connection.execute("reset role")
    connection.execute(sql.SQL("drop owned by {0} cascade").format(name))
    connection.execute(sql.SQL("drop role {}").format(name))


def test_writes_are_captured_without_any_right_on_the_audit_tables(connection, role):
    connection.execute("insert into t values (1, 'a'); update t set id = 2; truncate t")
    for statement in (
        "select from audit_changes",
        "delete from audit_changes",
        "truncate audit_changes cascade",
        "update audit_transactions set actor_ref = null",
        "insert into audit_actions default values",
        "select threadline_capture_transaction(1)",
        "select threadline_record_action('{}')",
        "create trigger forged after insert on t for each row execute function threadline_capture_changes('x', 'y')",
        "create trigger forged before truncate on t execute function threadline_capture_truncate('rows', '{}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
    connection.execute("reset role")
    assert [change["op"] for change in changes(connection)] == ["insert", "delete", "update", "delete"]


def test_temp_tables_and_search_path_do_not_divert_capture(connection, role):
    connection.execute(
        "create temp table audit_transactions (id uuid default gen_random_uuid(), txid bigint unique,"
        " occurred_at timestamptz, actor_ref jsonb, meta jsonb)"
    )
    connection.execute(
        "create temp table audit_changes (transaction_id uuid, table_schema text, table_name text, table_pk jsonb,"
        " op text, data_after jsonb, changed_fields text[], changed_from jsonb, captured_at timestamptz)"
    )
    connection.execute("create function public.lower(text) returns text language sql as $$ select 'delete' $$")
    connection.execute(
        "create function public.to_jsonb(public.t) returns jsonb language sql as $$ select '{}'::jsonb $$"
    )
    connection.execute("set search_path = pg_temp, public, pg_catalog")
    connection.execute("insert into public.t values (1, 'a')")
    assert connection.execute("select count(*) from audit_changes").fetchone() == (0,)
    connection.execute("reset role; drop table audit_changes, audit_transactions; reset search_path")
    assert last(connection)["after"] == {"id": 1, "x": "a"}


@pytest.mark.parametrize(
    "raw",
    [
        "bob",
        '"bob"',
        "[1]",
        "{",
        '{"type": "robot", "id": "1"}',
        '{"type": "user"}',
        '{"type": "user", "id": ""}',
        '{"type": "user", "id": 5}',
        '{"type": "anonymous", "id": "x"}',
        '{"type": ["user"], "id": "1"}',
        "null",
        "\\u0000",
        '{"type": "user", "id": "\\u0000"}',
        "[" * 100_000,
    ],
)
def test_a_malformed_actor_never_aborts_the_write(connection, raw):
    connection.execute("create table t (id int primary key)")
    capture(connection, "t")
    with connection.transaction():
        connection.execute("select set_config('threadline.actor_ref', %s, true)", (raw,))
        connection.execute("insert into t values (1), (2)")
    assert last(connection)["actor"] is None
    assert last(connection)["meta"] == {"malformed_actor_ref": raw[:1000]}
    assert len(changes(connection)) == 2


@pytest.mark.parametrize(
    "actor",
    [
        {"type": "anonymous"},
        *({"type": kind, "id": "é'1"} for kind in ("user", "admin", "service_account", "job", "system")),
    ],
)
@pytest.mark.pooled
def test_a_valid_actor_is_recorded(host, actor):
    host.execute("create table t (id int primary key)")
    capture(host, "t")
    with host.transaction():
        host.execute("select set_config('threadline.actor_ref', %s, true)", (json.dumps(actor),))
        host.execute("insert into t values (1)")
    host.execute("insert into t values (2)")
    assert [change["actor"] for change in changes(host)] == [actor, None]
    assert [change["meta"] for change in changes(host)] == [None, None]


def test_a_transaction_id_that_started_again_does_not_inherit_the_old_actor(connection):
    connection.execute("create table t (id int primary key)")
    capture(connection, "t")
    with connection.transaction():
        (txid,) = connection.execute("select txid_current()").fetchone()
        connection.execute(
            "insert into audit_transactions (txid, occurred_at, actor_ref, meta)"
            """ values (%s, '2020-01-01', '{"type": "user", "id": "old"}', '{"kept": true}')""",
            (txid,),
        )
        connection.execute("insert into t values (1)")
        connection.execute("insert into t values (2)")
    rows = changes(connection)
    assert {(row["txid"], row["actor"] is None) for row in rows} == {(txid, True)}
    old = connection.execute(
        "select txid, actor_ref, meta from audit_transactions where txid <> %s", (txid,)
    ).fetchone()
    assert old[0] < 0
    assert (old[1]["id"], old[2]) == ("old", {"kept": True, "txid_before_restart": txid})


def test_functions_pin_their_settings_and_belong_to_the_owner_of_the_audit_tables(connection):
    connection.execute("create role audit_owner_f")
    try:
        connection.execute("grant create on schema public to audit_owner_f")
        for table in ("audit_changes", "audit_transactions", "audit_actions"):
            connection.execute(sql.SQL("alter table {} owner to audit_owner_f").format(sql.Identifier(table)))
        install(of(connection))
        connection.execute("create table t (code text primary key)")
        connection.execute("grant select on t to audit_owner_f")
        capture(connection, "t")
        rows = connection.execute(
            "select proname, pg_get_userbyid(proowner), prosecdef, proconfig from pg_proc where proname ~ '^threadline'"
        ).fetchall()
        assert {row[1] for row in rows} == {"audit_owner_f"}
        triggers = [row for row in rows if "changes" in row[0] or "truncate" in row[0]]
        assert len(triggers) == 3
        assert all(row[2] and row[3] == [f"{key}={value}" for key, value in PINNED] for row in triggers)
        connection.execute("insert into t values ('a')")
        assert last(connection)["pk"] == {"code": "a"}
    finally:
        connection.execute("drop owned by audit_owner_f cascade; drop role audit_owner_f")
