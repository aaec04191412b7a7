"""Results as Arrow: the view that is shared, and every way in which a result can end."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pyarrow as pa
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.audit import NOW, add_transaction, bulk, dsn_of, settings_for
from threadline_ops import columnar
from threadline_ops.columnar import Columnar
from threadline_ops.database import Database, opened
from threadline_ops.errors import Busy, DatabaseError, Unreachable
from threadline_ops.export import Filters
from threadline_ops.export.reader import LAST_ID, LAST_TIME
from threadline_ops.export.schema import OF_CHANGES
from threadline_ops.settings import Settings

ALL = Filters().parameters() | {
    "after_time": None,
    "after_id": LAST_ID,
    "last_time": LAST_TIME,
    "rows": 10_000,
    "exact": True,
}


@pytest.fixture
def settings(audited, tmp_path) -> Settings:
    return settings_for(audited, tmp_path)


@pytest.fixture
def exporting(settings) -> Iterator[tuple[Database, str]]:
    with opened(settings, "test") as database, database.transaction(read_only=True, snapshot=True):
        yield database, database.one("export/export_snapshot")[0]


@pytest.fixture
def source(settings, exporting) -> Iterator[Columnar]:
    with closing(columnar.connect(settings, "test", direct=True)) as connected:
        yield connected


def read(source: Columnar, parameters=ALL) -> list[pa.Table]:
    return list(source.tables("export/changes", parameters, OF_CHANGES))


def fill(connection: psycopg.Connection) -> None:
    """More than fits between a server and a client that does not read: 2,000 changes of 20 kB."""
    bulk(connection, transactions=200, per_transaction=10, days=3, now=NOW)
    connection.execute("""update audit_changes set data_after = jsonb_build_object('secret', repeat('x', 20000))""")


@pytest.fixture
def begun(connection, settings, monkeypatch) -> Iterator[tuple[Columnar, int, Iterator[pa.Table]]]:
    """A result of which the first of many batches has been read, and its backend's process."""
    fill(connection)
    monkeypatch.setattr(columnar, "BATCH_BYTES", 100_000)
    with opened(settings, "test") as database, database.transaction(read_only=True, snapshot=True):
        snapshot = database.one("export/export_snapshot")[0]
        with closing(columnar.connect(settings, "test", direct=True)) as source, source.transaction(snapshot):
            backend = source.one("database/identity", {})["pg_backend_pid"]
            tables = source.tables("export/changes", ALL, OF_CHANGES)
            assert next(tables).num_rows < 100
            yield source, backend, tables


def test_what_came_after_the_snapshot_is_not_seen(connection, exporting, source):
    add_transaction(connection, [NOW])
    with source.transaction(exporting[1]):
        assert read(source) == []


def test_a_refusal_tells_its_code_and_no_value(exporting, source):
    with source.transaction(exporting[1]), pytest.raises(DatabaseError, match="SQLSTATE 22007") as raised:
        read(source, ALL | {"after_time": "hunter2"})
    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__
    with source.transaction(exporting[1]):
        assert read(source) == []


def test_nothing_can_be_written(exporting, source):
    with source.transaction(exporting[1]), pytest.raises(DatabaseError, match="SQLSTATE 25006"):
        source.one("retention/sweep_range", {"first": "(0,0)", "beyond": "(1,0)"})


def test_a_result_that_is_left_does_not_hold_its_connection(begun):
    source, _, tables = begun
    tables.close()
    with pytest.raises(DatabaseError, match="SQLSTATE 25P02"):
        source.one("database/identity", {})


def test_a_canceled_result_is_busy_and_no_end(begun, connection):
    _, backend, tables = begun
    connection.execute("select pg_cancel_backend(%s)", (backend,))
    with pytest.raises(Busy, match="57014"):
        list(tables)


def test_a_lost_server_is_an_error_and_no_end(begun, connection):
    _, backend, tables = begun
    connection.execute("select pg_terminate_backend(%s)", (backend,))
    with pytest.raises(DatabaseError, match="connection to the server was lost") as raised:
        list(tables)
    assert "xxx" not in str(raised.value)


@pytest.mark.parametrize("change", [{"password": "hunter2", "user": "nobody"}, {"port": "1"}])
def test_a_connection_that_fails_tells_no_password(settings, change):
    dsn = SecretStr(make_conninfo(dsn_of(settings), **change))
    with pytest.raises(Unreachable) as raised:
        columnar.connect(settings.model_copy(update={"dsn": dsn}), "test", direct=True)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("change", [{"min_protocol_version": "3.0"}, {"gssencmode": "require"}])
def test_what_the_drivers_libpq_lacks_is_said(settings, change):
    dsn = SecretStr(make_conninfo(dsn_of(settings), **change))
    with pytest.raises(Unreachable, match="THREADLINE_OPS_DIRECT_DSN"):
        columnar.connect(settings.model_copy(update={"dsn": dsn}), "test", direct=True)
