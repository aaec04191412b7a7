"""Each way in which a database is unsafe to purge is made, found, and the run refused before it deletes."""

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from tests.audit import NOW, bulk, count, settings_for
from tests.partitioned import partition_monthly
from threadline_ops.errors import UnsafeDatabase
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path / "evidence")


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        ("alter table audit_changes set unlogged", "UNLOGGED"),
        ("create publication p for all tables", r"replicates deletes.*p \(audit_changes\)"),
        ("create publication p for table audit_transactions", r"p \(audit_transactions\)"),
        ("create table notes (of uuid references audit_changes (id))", "another table refers"),
        (
            "create table notes (of uuid references audit_transactions (id) on delete cascade)",
            "another table refers",
        ),
        ("drop index audit_changes_captured_at_idx", r"index.*audit_changes\.captured_at"),
        ("drop index audit_changes_transaction_id_idx", r"index.*audit_changes\.transaction_id"),
        (
            "create function f() returns trigger language plpgsql as 'begin return null; end';"
            " create trigger t before delete on audit_changes for each row execute function f()",
            "trigger fires",
        ),
        (
            "update audit_transactions set txid = 9000000000 where id = (select id from audit_transactions limit 1)",
            "ahead of the server's",
        ),
    ],
)
def test_an_unsafe_database_is_refused_with_the_way_out(
    settings: Settings, connection: psycopg.Connection, breaking: str, message: str
):
    bulk(connection, transactions=40, per_transaction=3, days=120, now=datetime.now(UTC))
    connection.execute(breaking)
    with pytest.raises(UnsafeDatabase, match=message) as refused:
        run_purge(settings, PurgeRequest(execute=True))
    assert refused.value.fix
    assert count(connection, "audit_changes") == 120
    assert run_purge(settings, PurgeRequest()).preview is not None, "a dry run only reads"


def test_what_is_harmless_is_let_through(settings: Settings, connection: psycopg.Connection):
    bulk(connection, transactions=40, per_transaction=3, days=120, now=datetime.now(UTC))
    connection.execute("create publication inserts for all tables with (publish = 'insert, update')")
    connection.execute("create publication warehouse for table audit_changes")
    allowed = settings.model_copy(
        update={"retention": settings.retention.model_copy(update={"allowed_publications": ("warehouse",)})}
    )
    with pytest.raises(UnsafeDatabase, match="warehouse"):
        run_purge(settings, PurgeRequest(execute=True))
    assert run_purge(allowed, PurgeRequest(execute=True)).result is not None


def test_keep_current_needs_an_index_on_the_key(settings: Settings, connection: psycopg.Connection):
    bulk(connection, transactions=40, per_transaction=3, days=120, now=datetime.now(UTC))
    current = settings.model_copy(update={"retention": settings.retention.model_copy(update={"keep_current": True})})
    with pytest.raises(UnsafeDatabase, match="keep_current"):
        run_purge(current, PurgeRequest(execute=True))
    connection.execute("create index on audit_changes (table_name, table_pk)")
    assert run_purge(current, PurgeRequest(execute=True)).result is not None


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        ("alter table changes_2026_02 set unlogged", "UNLOGGED.*changes_2026_02"),
        ("create publication p for table changes_2026_02", r"replicates deletes.*p \(changes_2026_02\)"),
        (
            "create unique index on changes_2026_02 (id); create table notes (of uuid references changes_2026_02 (id))",
            "another table refers",
        ),
        (
            "create function f() returns trigger language plpgsql as 'begin return null; end';"
            " create trigger t before delete on changes_2026_02 for each row execute function f()",
            "trigger fires.*changes_2026_02",
        ),
    ],
)
def test_what_makes_a_table_unsafe_makes_each_partition_unsafe(
    settings: Settings, connection: psycopg.Connection, breaking: str, message: str
):
    partition_monthly(connection, date(2026, 1, 1), 6)
    bulk(connection, transactions=40, per_transaction=3, days=120, now=NOW)
    before = count(connection, "audit_changes")
    connection.execute(breaking)
    with pytest.raises(UnsafeDatabase, match=message):
        run_purge(settings, PurgeRequest(execute=True))
    assert count(connection, "audit_changes") == before


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        ("drop index by_action", r"index.*audit_transactions\.action_id"),
        ("drop index audit_actions_inserted_at_idx", r"index.*audit_actions\.inserted_at"),
        ("create table notes (of uuid references audit_actions (id) on delete set null)", "another table refers"),
    ],
)
def test_deleting_actions_asks_more_of_the_database(
    settings: Settings, connection: psycopg.Connection, breaking: str, message: str
):
    bulk(connection, transactions=40, per_transaction=3, days=120, now=datetime.now(UTC))
    connection.execute("create index by_action on audit_transactions (action_id) where action_id is not null")
    thorough = settings.model_copy(update={"retention": settings.retention.model_copy(update={"delete_actions": True})})
    assert run_purge(thorough, PurgeRequest(execute=True)).result is not None
    connection.execute(breaking)
    with pytest.raises(UnsafeDatabase, match=message):
        run_purge(thorough, PurgeRequest(execute=True))
    assert run_purge(settings, PurgeRequest(execute=True)).result is not None, "nobody asked for actions"
