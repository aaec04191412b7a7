"""The live probe proves capture and leaves nothing behind."""

from __future__ import annotations

import psycopg
import pytest

from tests.audited_world import TABLES, capture, settings_for
from threadline_ops.capture.names import Table
from threadline_ops.coverage.probe import Outcome, probe
from threadline_ops.database import opened
from threadline_ops.sections import CaptureSettings, CaptureTable

pytestmark = pytest.mark.pooled


def contents(connection: psycopg.Connection) -> list[object]:
    names = [*TABLES, "audit_changes", "audit_transactions"]
    return [
        connection.execute(f"select t.*, t.ctid, t.xmin from {name} as t order by t.tableoid, t.ctid").fetchall()
        for name in names
    ]


@pytest.fixture
def connection(healthy_directly: str):
    with psycopg.connect(healthy_directly, autocommit=True) as opened_connection:
        yield opened_connection


@pytest.mark.parametrize("name", TABLES)
def test_a_probe_sees_the_capture_and_leaves_no_trace(name: str, healthy: str, connection: psycopg.Connection):
    before = contents(connection)
    settings = settings_for(healthy)
    with opened(settings, "tests") as database:
        assert probe(database, Table("public", name), settings).outcome is Outcome.CAPTURED
    assert contents(connection) == before


def test_where_no_ops_are_skipped_a_delete_is_tried(healthy: str, connection: psycopg.Connection):
    settings = settings_for(healthy)
    skipping = CaptureSettings(tables={"orders": CaptureTable(skip_noop=True)})
    settings = settings.model_copy(update={"capture": skipping})
    capture(healthy, settings, ("orders",))
    before = contents(connection)
    with opened(settings, "tests") as database:
        assert probe(database, Table("public", "orders"), settings).outcome is Outcome.CAPTURED
    assert contents(connection) == before


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ("alter table orders disable trigger threadline_audit_orders", Outcome.NOT_CAPTURED),
        ("truncate orders", Outcome.UNPROVEN),
        ("drop table orders", Outcome.UNPROVEN),
        ("alter function threadline_capture_changes() set search_path = nowhere", Outcome.CAPTURED),
        ("alter table audit_changes add check (op <> 'update') not valid", Outcome.UNPROVEN),
    ],
)
def test_a_probe_says_what_it_saw_and_no_more(
    healthy: str, connection: psycopg.Connection, change: str, outcome: Outcome
):
    connection.execute(change)
    settings = settings_for(healthy)
    with opened(settings, "tests") as database:
        done = probe(database, Table("public", "orders"), settings)
    assert done.outcome is outcome
    assert bool(done.reason) == (outcome is Outcome.UNPROVEN)


def test_locked_rows_are_left_alone(healthy: str, healthy_directly: str):
    settings = settings_for(healthy)
    with psycopg.connect(healthy_directly) as other:
        other.execute("select from orders for update")
        with opened(settings, "tests") as database:
            done = probe(database, Table("public", "orders"), settings)
    assert done.outcome is Outcome.UNPROVEN
