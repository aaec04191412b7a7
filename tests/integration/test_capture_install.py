"""The audit schema, new or upgraded, is exactly the documented one."""

import psycopg
import pytest
from pydantic import SecretStr

from tests.capture import capture, last, of
from threadline_ops.capture.install import install, statements
from threadline_ops.capture.objects import script
from threadline_ops.database import opened
from threadline_ops.errors import DatabaseError, SchemaMissing
from threadline_ops.sections import DatabaseSettings
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

COLUMNS = """
audit_actions.id uuid not null default gen_random_uuid()
audit_actions.name text not null
audit_actions.actor_ref jsonb not null
audit_actions.status text not null
audit_actions.verb text
audit_actions.category text
audit_actions.reason text
audit_actions.comment text
audit_actions.correlation_id text
audit_actions.request_id text
audit_actions.job_id text
audit_actions.inserted_at timestamp with time zone not null default now()
audit_changes.id uuid not null default gen_random_uuid()
audit_changes.transaction_id uuid not null
audit_changes.table_schema text not null
audit_changes.table_name text not null
audit_changes.table_pk jsonb not null
audit_changes.op text not null
audit_changes.data_after jsonb
audit_changes.changed_fields text[]
audit_changes.changed_from jsonb
audit_changes.captured_at timestamp with time zone not null default now()
audit_transactions.id uuid not null default gen_random_uuid()
audit_transactions.txid bigint not null
audit_transactions.occurred_at timestamp with time zone not null default now()
audit_transactions.source text
audit_transactions.meta jsonb
audit_transactions.actor_ref jsonb
audit_transactions.action_id uuid
"""
CONSTRAINTS = {
    "audit_actions_pkey",
    "audit_actions_status_check",
    "audit_changes_pkey",
    "audit_changes_op_check",
    "audit_changes_transaction_id_fkey",
    "audit_transactions_pkey",
    "audit_transactions_txid_key",
    "audit_transactions_action_id_fkey",
}
INDEXES = {
    "audit_transactions_txid_idx",
    "audit_transactions_actor_ref_gin",
    "audit_changes_transaction_id_idx",
    "audit_changes_table_name_idx",
    "audit_changes_captured_at_idx",
    "audit_actions_actor_ref_idx",
    "audit_actions_inserted_at_idx",
    "audit_actions_name_idx",
    "audit_actions_pkey",
    "audit_changes_pkey",
    "audit_transactions_pkey",
    "audit_transactions_txid_key",
}
#: What an application that installed the first version years ago has.
OLD = """
    create table audit_transactions (
        id uuid primary key default gen_random_uuid(), txid bigint not null unique,
        occurred_at timestamptz not null default now(), source text, meta jsonb
    );
    create index audit_transactions_txid_idx on audit_transactions (txid);
    create table audit_changes (
        id uuid primary key default gen_random_uuid(),
        transaction_id uuid not null references audit_transactions (id) on delete cascade,
        table_schema text not null, table_name text not null, table_pk jsonb not null,
        op text not null check (op in ('insert', 'update', 'delete')),
        data_after jsonb, changed_fields text[], captured_at timestamptz not null default now()
    );
    create index audit_changes_transaction_id_idx on audit_changes (transaction_id);
    create index audit_changes_table_name_idx on audit_changes (table_name);
    create index audit_changes_captured_at_idx on audit_changes (captured_at);
    insert into audit_transactions (txid, source) values (-1, 'kept');
    insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op)
    select id, 'public', 'old', '{}', 'delete' from audit_transactions;
"""


@pytest.fixture
def empty(database):
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def columns(connection: psycopg.Connection, schema: str = "public") -> list[str]:
    rows = connection.execute(
        "select c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)"
        " || case when a.attnotnull then ' not null' else '' end"
        " || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')"
        " from pg_attribute as a join pg_class as c on c.oid = a.attrelid"
        " left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum"
        " where c.relnamespace = %s::regnamespace and c.relkind = 'r' and a.attnum > 0 order by c.relname, a.attnum",
        (schema,),
    )
    return [row[0] for row in rows]


def constraints(connection: psycopg.Connection, schema: str = "public") -> set[tuple[str, str]]:
    rows = connection.execute(
        "select conname, pg_get_constraintdef(oid) from pg_constraint"
        " where connamespace = %s::regnamespace and contype <> 'n'",
        (schema,),
    )
    return {(name, definition.replace(f"{schema}.", "")) for name, definition in rows}


def indexes(connection: psycopg.Connection, schema: str = "public") -> dict[str, str]:
    rows = connection.execute("select indexname, indexdef from pg_indexes where schemaname = %s", (schema,))
    return {name: definition.replace(f"{schema}.", "") for name, definition in rows}


@pytest.mark.backlog("capture.triggers_installed")
def test_a_new_install_is_as_documented(empty):
    assert install(of(empty)).owner == "postgres"
    assert columns(empty) == COLUMNS.split("\n")[1:-1]
    assert {name for name, _ in constraints(empty)} == CONSTRAINTS
    assert set(indexes(empty)) == INDEXES


def test_installing_again_changes_nothing(empty):
    install(of(empty))
    before = (columns(empty), constraints(empty), indexes(empty))
    install(of(empty))
    assert (columns(empty), constraints(empty), indexes(empty)) == before


def test_an_old_install_is_upgraded_in_place_and_keeps_its_rows(empty, audited):
    empty.execute(OLD)
    install(of(empty))
    with psycopg.connect(audited, autocommit=True) as fresh:
        assert sorted(columns(empty)) == sorted(columns(fresh))
        assert constraints(empty) == constraints(fresh)
        assert indexes(empty) == indexes(fresh)
    assert empty.execute("select source, actor_ref from audit_transactions").fetchall() == [("kept", None)]
    assert empty.execute("select table_name, changed_from from audit_changes").fetchall() == [("old", None)]


def test_an_upgrade_keeps_no_writer_of_a_large_table_waiting_for_an_index(empty, monkeypatch):
    empty.execute(OLD)
    assert install(of(empty)).pending == (), "these are small"
    whole = indexes(empty)
    empty.execute("drop index audit_transactions_actor_ref_gin, audit_changes_table_name_idx")
    monkeypatch.setattr("threadline_ops.capture.install.LARGEST_LOCKED", 0)
    done = install(of(empty))
    assert done.pending == (
        "create index concurrently if not exists audit_transactions_actor_ref_gin"
        ' on "public".audit_transactions using gin (actor_ref)',
        'create index concurrently if not exists audit_changes_table_name_idx on "public".audit_changes (table_name)',
    )
    assert len(indexes(empty)) == len(whole) - 2, "nothing was built"
    for statement in done.pending:
        empty.execute(statement)
    assert indexes(empty) == whole
    assert install(of(empty)).pending == ()


def test_a_schema_of_its_own(empty):
    schema = 'Audit "x" %s {y}\'s'
    database = of(empty, audit_schema=schema)
    install(database)
    install(database)
    empty.execute("create table t (code text primary key, x text)")
    from threadline_ops.capture.names import Table
    from threadline_ops.capture.triggers import apply
    from threadline_ops.progress import drive
    from threadline_ops.sections import CaptureSettings, CaptureTable

    wanted = CaptureSettings(tables={"public.t": CaptureTable(mask=("x",), store_changed_from=True)})
    drive(apply(database, [Table("public", "t")], wanted), lambda _: None)
    empty.execute("insert into t values ('a', 'b'); update t set code = 'c'; truncate t")
    name = psycopg.sql.Identifier(schema, "audit_changes")
    ops = empty.execute(psycopg.sql.SQL("select op from {} order by captured_at").format(name)).fetchall()
    assert [op for (op,) in ops] == ["insert", "delete", "update", "delete"]


def test_the_printed_sql_does_the_same(empty, audited):
    empty.execute(script(list(statements("public"))))
    with psycopg.connect(audited, autocommit=True) as fresh:
        assert columns(empty) == columns(fresh)
        bodies = "select proname, prosrc, proconfig from pg_proc where proname ~ '^threadline' order by 1"
        assert empty.execute(bodies).fetchall() == fresh.execute(bodies).fetchall()


def test_an_install_that_fails_leaves_nothing(empty):
    empty.execute("create view audit_changes as select 1 as id")
    with pytest.raises(DatabaseError):
        install(of(empty))
    assert empty.execute("select to_regclass('audit_actions')").fetchone() == (None,)


def test_triggers_need_an_install(empty):
    empty.execute("create table t (id int primary key)")
    with pytest.raises(SchemaMissing, match="threadline-ops install"):
        capture(empty, "t")


def test_an_ordinary_owner_can_install_and_capture(database):
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("create role plain_owner login password 'p'; grant create on schema public to plain_owner")
    try:
        dsn = psycopg.conninfo.make_conninfo(database, user="plain_owner", password="p")
        settings = Settings(dsn=SecretStr(dsn), database=DatabaseSettings())
        with opened(settings, "tests") as plain:
            assert install(plain).owner == "plain_owner"
            plain.connection.execute("create table t (a int primary key)")
            capture(plain.connection, "t")
            plain.connection.execute("insert into t values (1); update t set a = 2; truncate t")
            assert last(plain.connection)["pk"] == {"a": "2"}
    finally:
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("drop owned by plain_owner cascade; drop role plain_owner")
