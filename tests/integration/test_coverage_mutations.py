"""Every way to break capture, each alone in a healthy database: exactly its finding appears, and no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.audited_world import CUSTOMERS, capture, diagnose, settings_for, write
from tests.servers import TestServer
from threadline_ops.coverage.rules import RULES
from threadline_ops.database import opened
from threadline_ops.sections import CaptureSettings, CaptureTable
from threadline_ops.settings import Settings

CAPTURE = "execute function threadline_capture_changes()"
TRIGGER = "create or replace trigger threadline_audit_orders"
NOOP = "returns trigger language plpgsql as $$ begin return null; end $$"

#: What is broken -> (how, the findings it must lead to).
MUTATIONS: dict[str, tuple[str, str]] = {
    # The row trigger.
    "trigger disabled": ("alter table orders disable trigger threadline_audit_orders", "trigger_disabled"),
    "every trigger disabled": ("alter table orders disable trigger user", "trigger_disabled truncate_uncaptured"),
    "trigger for replicas only": (
        "alter table orders enable replica trigger threadline_audit_orders",
        "trigger_replica_only",
    ),
    "trigger for replicas as well": (
        "alter table orders enable always trigger threadline_audit_orders",
        "trigger_always",
    ),
    "trigger dropped": ("drop trigger threadline_audit_orders on orders", "table_uncovered"),
    "insert only": (f"{TRIGGER} after insert on orders for each row {CAPTURE}", "trigger_events_missing"),
    "no delete": (f"{TRIGGER} after insert or update on orders for each row {CAPTURE}", "trigger_events_missing"),
    "WHEN (false)": (
        f"{TRIGGER} after insert or update or delete on orders for each row when (false) {CAPTURE}",
        "trigger_conditional",
    ),
    "UPDATE OF one column": (
        f"{TRIGGER} after insert or delete or update of note on orders for each row {CAPTURE}",
        "trigger_column_list",
    ),
    "before the row is final": (
        f"{TRIGGER} before insert or update or delete on orders for each row {CAPTURE}",
        "trigger_not_after",
    ),
    "once a statement": (
        f"{TRIGGER} after insert or update or delete on orders for each statement {CAPTURE}",
        "trigger_per_statement",
    ),
    "deferred": (
        "drop trigger threadline_audit_orders on orders; create constraint trigger threadline_audit_orders after"
        f" insert or update or delete on orders deferrable initially deferred for each row {CAPTURE}",
        "trigger_deferrable",
    ),
    "trigger renamed": ("alter trigger threadline_audit_orders on orders rename to a", "trigger_renamed"),
    "captured twice": (
        f"create trigger threadline_audit_again after insert or update or delete on orders for each row {CAPTURE}",
        "trigger_duplicate",
    ),
    "another table's name as argument": (
        f"{TRIGGER} after insert or update or delete on orders for each row"
        " execute function threadline_capture_changes('public', 'customers')",
        "trigger_arguments",
    ),
    "TRUNCATE trigger dropped": ("drop trigger threadline_truncate_orders on orders", "truncate_uncaptured"),
    "TRUNCATE trigger disabled": (
        "alter table orders disable trigger threadline_truncate_orders",
        "truncate_uncaptured",
    ),
    "TRUNCATE trigger of a partition dropped": (
        "drop trigger threadline_truncate_events on events_old",
        "truncate_uncaptured",
    ),
    "new partition": (
        "create table events_next partition of events for values from ('2030-01-01') to ('2031-01-01')",
        "truncate_uncaptured",
    ),
    # The table.
    "table dropped": ("drop table orders", "table_missing"),
    "captured in another schema only": (
        "drop trigger threadline_audit_orders on orders; create schema other; create table other.orders (id int);"
        " create trigger threadline_audit_orders after insert or update or delete on other.orders for each row"
        f" {CAPTURE}",
        "table_uncovered",
    ),
    "captured under a similar name only": (
        "drop trigger threadline_audit_orders on orders; create table threadlineXaudit_orders (id int primary key);"
        " create trigger threadlinexauditxorders after insert or update or delete on threadlineXaudit_orders"
        f" for each row {CAPTURE}",
        "table_uncovered trigger_renamed truncate_uncaptured",
    ),
    "swapped by renaming": (
        "alter table orders rename to orders_before; create table orders (like orders_before including all)",
        "table_uncovered trigger_renamed truncate_uncaptured",
    ),
    "unlogged": ("alter table lines set unlogged", "table_unlogged"),
    "partition's trigger disabled": (
        "alter table events_old disable trigger threadline_audit_events",
        "partition_uncovered",
    ),
    "inheritance child": ("create table orders_child () inherits (orders)", "inheritance_child_uncovered"),
    "primary key changed": (
        "alter table orders drop constraint orders_pkey, add primary key (code)",
        "key_not_recorded truncate_uncaptured",
    ),
    "primary key dropped": (
        "alter table orders drop constraint orders_pkey, drop constraint orders_code_key",
        "key_not_recorded truncate_uncaptured",
    ),
    "redacted column renamed": ("alter table customers rename email to mail", "settings_unfit"),
    "redacted column copied by a generated one": (
        "alter table customers add column lowered text generated always as (lower(email)) stored",
        "settings_unfit",
    ),
    "new column beside redacted ones": ("alter table customers add column ssn text", "column_unreviewed"),
    # The functions.
    "another function": (
        f"create function nothing() {NOOP}; {TRIGGER} after insert or update or delete on orders for each row"
        " execute function nothing()",
        "wrong_function",
    ),
    "a function of the same name elsewhere": (
        f"create schema decoy; create function decoy.threadline_capture_changes() {NOOP}; {TRIGGER} after insert or"
        " update or delete on orders for each row execute function decoy.threadline_capture_changes()",
        "function_altered",
    ),
    "function replaced by a no-op": (
        f"create or replace function threadline_capture_changes() {NOOP}",
        "function_altered",
    ),
    "function with an early return": (
        "do $do$ begin execute replace(pg_get_functiondef('threadline_capture_changes'::regproc),"
        " E'\\nbegin\\n', E'\\nbegin\\n    if new.id > 3 then return null; end if;\\n'); end $do$",
        "function_altered",
    ),
    "another table's function": (
        "create or replace trigger threadline_audit_lines after insert or update or delete on lines for each row"
        " execute function threadline_capture_changes_customers()",
        "function_shared",
    ),
    "search_path not pinned": (
        "alter function threadline_capture_changes() reset search_path",
        "search_path_unpinned",
    ),
    "search_path without pg_temp": (
        "alter function threadline_capture_changes() set search_path = pg_catalog, public",
        "search_path_unpinned",
    ),
    "time zone not pinned": ("alter function threadline_capture_changes() reset timezone", "function_pins_missing"),
    "security invoker": ("alter function threadline_capture_changes() security invoker", "function_invoker"),
    "function for PUBLIC": (
        "grant execute on function threadline_capture_changes() to public",
        "function_public",
    ),
    "helper dropped": (
        "drop function threadline_capture_unknown(jsonb, text[], text[], text)",
        "shared_function_missing",
    ),
    "helper replaced": (
        "create or replace function threadline_actor_is_valid(p_actor jsonb) returns boolean language plpgsql"
        " immutable as $$ begin return true; end $$",
        "shared_function_altered",
    ),
    # The audit tables.
    "row-level security": ("alter table audit_changes enable row level security", "audit_row_security"),
    "unlogged audit table": ("alter table audit_changes set unlogged", "audit_unlogged"),
    "trigger on an audit table": (
        f"create function swallow() {NOOP}; create trigger swallow before insert on audit_changes for each row"
        " execute function swallow()",
        "audit_trigger",
    ),
    "rule on an audit table": (
        "create rule swallow as on insert to audit_changes do instead nothing",
        "audit_rule",
    ),
    "deletes published": ("create publication all_of_it for table audit_changes", "audit_deletes_published"),
    "autovacuum off": ("alter table audit_changes set (autovacuum_enabled = false)", "audit_autovacuum_off"),
    "index dropped": ("drop index audit_changes_captured_at_idx", "index_missing"),
    "index made partial": (
        "drop index audit_changes_captured_at_idx; create index audit_changes_captured_at_idx on audit_changes"
        " (captured_at) where op = 'delete'",
        "index_missing",
    ),
    "index invalid": (
        "update pg_index set indisvalid = false where indexrelid = 'audit_changes_table_name_idx'::regclass",
        "index_invalid",
    ),
    "index twice": ("create index once_more on audit_changes (captured_at)", "index_redundant"),
    "txid not unique": (
        "alter table audit_transactions drop constraint audit_transactions_txid_key",
        "audit_constraint_missing",
    ),
    "no foreign key": (
        "alter table audit_changes drop constraint audit_changes_transaction_id_fkey",
        "audit_constraint_missing",
    ),
    "foreign key without cascade": (
        "alter table audit_changes drop constraint audit_changes_transaction_id_fkey, add constraint"
        " audit_changes_transaction_id_fkey foreign key (transaction_id) references audit_transactions (id)",
        "audit_constraint_missing",
    ),
    "another op allowed": (
        "alter table audit_changes drop constraint audit_changes_op_check, add constraint audit_changes_op_check"
        " check (op in ('insert', 'update', 'delete', 'truncate'))",
        "audit_constraint_missing",
    ),
    "constraint triggers disabled": ("alter table audit_changes disable trigger all", "audit_constraint_disabled"),
    "captured_at may be null": (
        "alter table audit_changes alter captured_at drop not null",
        "audit_column_changed",
    ),
    "table_pk is text": ("alter table audit_changes alter table_pk type text", "audit_column_changed"),
    "older install without actors": ("alter table audit_transactions drop actor_ref", "audit_schema_outdated"),
    "older install without actions": ("drop table audit_actions cascade", "audit_schema_outdated"),
    "PUBLIC may insert": ("grant insert on audit_changes to public", "audit_writable"),
    "PUBLIC may update a column": ("grant update (op) on audit_changes to public", "audit_writable"),
    "replica role for the database": (
        "do $$ begin execute format('alter database %I set session_replication_role = replica', current_database());"
        " end $$",
        "replication_role",
    ),
    # What was recorded.
    "transaction ids started again": (
        'insert into audit_transactions (txid, actor_ref) values (9000000000, \'{"type": "anonymous"}\')',
        "txid_regressed",
    ),
    "written into an old transaction": (
        "update audit_transactions set occurred_at = occurred_at - interval '40 days'",
        "transaction_merged",
    ),
    "actor is a string": ("update audit_transactions set actor_ref = '\"bob\"'", "actor_malformed"),
    "actor is a list": ("update audit_transactions set actor_ref = '[1]'", "actor_malformed"),
    "actor of unknown type": (
        'update audit_transactions set actor_ref = \'{"type": "robot", "id": "1"}\'',
        "actor_malformed",
    ),
    "actor without an id": ('update audit_transactions set actor_ref = \'{"type": "user"}\'', "actor_malformed"),
    "null key": (
        "update audit_changes set table_pk = '{\"id\": null}' where table_name = 'orders'",
        "key_null",
    ),
    "masked column in clear": (
        'update audit_changes set data_after = data_after || \'{"email": "a@example.test"}\' where table_name ='
        " 'customers'",
        "clear_text",
    ),
    "masked column in clear in the old values": (
        "update audit_changes set changed_from = '{\"email\": \"a@example.test\"}' where table_name = 'customers'",
        "clear_text",
    ),
    "excluded column shows": (
        "update audit_changes set data_after = data_after || '{\"passport\": null}' where table_name = 'customers'",
        "clear_text",
    ),
    "excluded column named as changed": (
        "update audit_changes set changed_fields = '{passport}' where table_name = 'customers'",
        "clear_text",
    ),
}


def found_in(settings: Settings, **arguments: object) -> list[str]:
    diagnosis = diagnose(settings, **arguments)
    with psycopg.connect(settings.dsn.get_secret_value(), autocommit=True) as connection:
        for finding in diagnosis.findings:
            assert finding.what
            assert finding.fix
            assert connection.execute(finding.evidence).description, "the evidence runs as it is"
    return sorted(finding.id for finding in diagnosis.findings)


@pytest.fixture
def role(server: TestServer) -> Iterator[str]:
    """A login role; asked for before the database, so that it goes after it."""
    with psycopg.connect(server.admin, autocommit=True) as connection:
        connection.execute("create role coverage_app login")
        yield "coverage_app"
        connection.execute("drop role coverage_app")


@pytest.mark.pooled
def test_a_healthy_database_has_no_finding(healthy: str):
    assert found_in(settings_for(healthy, probe_tables=("orders", "customers", "lines", "events"))) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_exactly_its_finding_appears(name: str, healthy: str):
    statement, expected = MUTATIONS[name]
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute(statement)
    assert found_in(settings_for(healthy)) == expected.split()


#: Of each part of the examination one, none of which touches what another one breaks.
AT_ONCE = (
    "trigger disabled",
    "partition's trigger disabled",
    "new column beside redacted ones",
    "search_path not pinned",
    "deletes published",
    "index dropped",
    "actor is a list",
    "masked column in clear",
)


@pytest.mark.pooled
def test_what_is_broken_at_once_is_found_at_once(healthy: str):
    with psycopg.connect(healthy, autocommit=True, prepare_threshold=None) as connection:
        for name in AT_ONCE:
            connection.execute(MUTATIONS[name][0])
    assert found_in(settings_for(healthy)) == sorted(MUTATIONS[name][1] for name in AT_ONCE)


def test_a_partial_scan_says_how_far_it_reached(healthy: str):
    whole = diagnose(settings_for(healthy)).scanned
    assert whole is not None
    assert (whole.changes, whole.partial) == (16, False)
    partial = diagnose(settings_for(healthy, scan_rows=15))
    assert partial.findings == ()
    assert str(partial.scanned).startswith("only the newest 15 changes were scanned, back to 20")
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute("update audit_changes set table_pk = '{\"id\": null}' where table_name = 'customers'")
    (finding,) = diagnose(settings_for(healthy, scan_rows=15)).findings
    assert finding.id == "key_null"
    assert "; only the newest 15 changes were scanned" in finding.what
    (finding,) = diagnose(settings_for(healthy, scan_rows=16)).findings
    assert "newest" not in finding.what


DRIFTS: dict[str, tuple[CaptureTable, str]] = {
    "no redaction deployed": (CaptureTable(store_changed_from=True, except_columns=("updated_at",)), "redaction_drift"),
    "mask not deployed": (CUSTOMERS.model_copy(update={"mask": ()}), "redaction_drift"),
    "exclude not deployed": (CUSTOMERS.model_copy(update={"exclude": ()}), "redaction_drift"),
    "masked instead of excluded": (
        CUSTOMERS.model_copy(update={"mask": ("email", "passport"), "exclude": ()}),
        "redaction_drift",
    ),
    "more redacted than configured": (
        CUSTOMERS.model_copy(update={"mask": ("email", "address")}),
        "redaction_drift",
    ),
    "another placeholder": (CUSTOMERS.model_copy(update={"mask_placeholder": "it's gone"}), "redaction_drift"),
    "no before-values": (CUSTOMERS.model_copy(update={"store_changed_from": False}), "before_values_drift"),
    "other except_columns": (CUSTOMERS.model_copy(update={"except_columns": ()}), "before_values_drift"),
    "no-ops skipped": (CUSTOMERS.model_copy(update={"skip_noop": True}), "noop_drift"),
    "typed key": (CUSTOMERS.model_copy(update={"typed_pk": True}), "key_form_drift truncate_uncaptured"),
    "other key": (CUSTOMERS.model_copy(update={"key": ("name",)}), "key_not_recorded truncate_uncaptured"),
    "TRUNCATE ignored": (CUSTOMERS.model_copy(update={"truncate": "ignore"}), "truncate_uncaptured"),
}


@pytest.mark.parametrize("name", DRIFTS)
@pytest.mark.backlog("capture.codegen_matches_runtime")
def test_a_deployed_function_that_differs_from_the_settings_is_drift(name: str, healthy: str):
    deployed, expected = DRIFTS[name]
    settings = settings_for(healthy)
    other = settings.model_copy(update={"capture": CaptureSettings(tables={"customers": deployed})})
    capture(healthy, other, ("customers",))
    assert found_in(settings) == sorted(expected.split())


def _granted(connection: psycopg.Connection, role: str) -> None:
    connection.execute(f"grant delete on audit_changes to {role}")


def _through_a_group(connection: psycopg.Connection, role: str) -> None:
    connection.execute(f"grant pg_write_all_data to {role}")


def _owned(connection: psycopg.Connection, role: str) -> None:
    connection.execute(f"alter table audit_actions owner to {role}")


ROLES: dict[str, tuple[Callable[[psycopg.Connection, str], None], str]] = {
    "delete granted": (_granted, "audit_writable"),
    "written through a group": (_through_a_group, "audit_writable"),
    "application owns an audit table": (_owned, "audit_writable"),
    "function owned by somebody without rights": (
        lambda connection, role: connection.execute(f"alter function threadline_capture_changes() owner to {role}"),
        "function_owner_powerless",
    ),
    "replica role for a role": (
        lambda connection, role: connection.execute(f"alter role {role} set session_replication_role = replica"),
        "replication_role",
    ),
    "replica role for a role in the database": (
        lambda connection, role: connection.execute(
            f"alter role {role} in database {connection.info.dbname} set session_replication_role = replica"
        ),
        "replication_role",
    ),
}


@pytest.mark.parametrize("name", ROLES)
def test_roles_that_endanger_the_trail_are_named(name: str, role: str, healthy: str):
    change, expected = ROLES[name]
    with psycopg.connect(healthy, autocommit=True) as connection:
        change(connection, role)
    assert found_in(settings_for(healthy)) == [expected]
    if expected == "audit_writable":
        assert found_in(settings_for(healthy, trusted_roles=(role,))) == [], "a trusted role may"


def test_a_monitoring_role_that_reads_the_audit_tables_is_enough(role: str, healthy: str):
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute(f"grant pg_monitor to {role}")
        connection.execute(f"grant select on audit_changes, audit_transactions, audit_actions to {role}")
        connection.execute(f"alter role {role} password 'coverage-test'")
    settings = settings_for(make_conninfo(healthy, user=role, password="coverage-test"))
    assert found_in(settings) == []


def test_many_transactions_without_an_actor_are_a_finding(healthy: str):
    for n in range(100, 125):
        write(healthy, f"insert into orders values ({n}, '{n}')", actor=False)
    assert found_in(settings_for(healthy)) == ["actor_missing"]
    assert found_in(settings_for(healthy, max_unattributed_percent=100)) == []


def test_a_slot_that_holds_back_wal_is_a_finding(server: TestServer, healthy: str):
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute("select pg_create_physical_replication_slot('coverage_slot', true)")
        try:
            connection.execute("select pg_switch_wal()")
            write(healthy, "insert into scratch select generate_series(1, 20000)")
            connection.execute("select pg_switch_wal()")
            assert found_in(settings_for(healthy, max_slot_retention_mb=1)) == ["slot_retains_wal"]
            assert found_in(settings_for(healthy)) == []
        finally:
            connection.execute("select pg_drop_replication_slot('coverage_slot')")


def test_a_disk_budget_that_runs_out_is_a_finding(healthy: str):
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute("analyze audit_changes")
    assert found_in(settings_for(healthy, disk_budget_gb=1, disk_warning_days=10_000_000)) == ["disk_budget"]
    assert found_in(settings_for(healthy, disk_budget_gb=1)) == []


def test_another_cluster_or_timeline_under_the_same_name_is_a_finding(healthy: str):
    settings = settings_for(healthy)
    with opened(settings, "tests") as database:
        here = database.identity()
    assert found_in(settings, last_seen=here) == []
    assert found_in(settings, last_seen=replace(here, system_identifier="1")) == ["identity_changed"]
    assert found_in(settings, last_seen=replace(here, timeline=here.timeline + 1)) == ["timeline_changed"]


def test_a_probe_sees_what_the_catalog_says(healthy: str):
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute("alter table orders disable trigger threadline_audit_orders")
    settings = settings_for(healthy, probe_tables=("orders",))
    assert found_in(settings) == ["probe_not_captured", "trigger_disabled"]


HARMLESS = {
    "more indexes": "create index on audit_changes (table_name, captured_at); create index on audit_changes using brin"
    " (captured_at); create index on audit_actions (correlation_id)",
    "an index of another name": "drop index audit_changes_table_name_idx; create index other on audit_changes"
    " (table_name, captured_at)",
    "the txid index that only repeats the constraint's": "drop index audit_transactions_txid_idx",
    "inserts published": "create publication p for table audit_changes with (publish = 'insert, update')",
    "readers": "grant select on audit_changes, audit_transactions, audit_actions to public",
    "the host's own trigger": f"create function stamp() {NOOP}; create trigger stamp after update on orders"
    " for each row execute function stamp()",
    "a table that nobody expects": "create table unknown (id int); create schema s; create table s.orders (id int)",
    "another column": "alter table orders add column more text",
    "a dropped column": "alter table customers drop column address",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_harms_nothing_is_no_finding(name: str, healthy: str):
    with psycopg.connect(healthy, autocommit=True) as connection:
        connection.execute(HARMLESS[name])
    assert found_in(settings_for(healthy)) == []


def test_the_matrix_leaves_no_rule_untried():
    tried = {rule for _, rules in (*MUTATIONS.values(), *DRIFTS.values(), *ROLES.values()) for rule in rules.split()}
    elsewhere = {
        "actor_missing", "slot_retains_wal", "disk_budget", "identity_changed", "timeline_changed",
        "probe_not_captured", "table_without_key", "actor_not_recorded",
    }  # fmt: skip
    assert tried | elsewhere == set(RULES)
    assert not tried & elsewhere
