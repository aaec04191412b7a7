"""Each operation works with its own role, and is refused to every other and to a login that has none."""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from tests.audit import bulk
from threadline_ops.cli import app
from threadline_ops.database import opened
from threadline_ops.errors import OpsError
from threadline_ops.roles import Duty, execute
from threadline_ops.settings import Settings, load

ALL = frozenset(duty.value for duty in Duty) | {"nobody"}
#: Which role may do what; every other one must be refused.
OPERATIONS = {
    ("timeline",): {"reader", "exporter", "purger"},
    ("purge",): {"reader", "exporter", "purger"},
    ("export", "--output", "out-{role}", "--no-progress"): {"reader", "exporter", "purger"},
    ("baseline", "public.orders", "--refresh"): {"exporter", "installer"},
    ("purge-control", "pause", "--reason", "lunch"): {"purger", "installer"},
    ("hold", "add", "--table", "public.orders", "--from", "2026-01-01T00:00:00Z", "--reason", "case 7"): {"installer"},
    ("purge", "--execute"): {"purger"},
}


@pytest.fixture
def names(server) -> Iterator[dict[str, str]]:
    """Roles belong to the whole server: names of this test's own, one of them hostile, and all gone afterwards."""
    token = secrets.token_hex(4)
    made = {name: f"{name}_{token}" for name in ALL} | {"reader": f"rd\"er'; drop table x; -- $threadline$ {token}"}
    yield made
    with psycopg.connect(server.admin, autocommit=True) as connection:
        for name in made.values():
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))


@pytest.fixture
def world(names: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings for the whole command line, from the environment as operators give them."""
    monkeypatch.chdir(tmp_path)

    def enter(dsn: str) -> Settings:
        for duty in Duty:
            monkeypatch.setenv(f"THREADLINE_OPS_ROLES__{duty.value.upper()}", names[duty.value])
        for name, value in {
            "DSN": dsn,
            "RETENTION__ENABLED": "true",
            "RETENTION__KEEP_DAYS": "90",
            "EVIDENCE__ANCHOR": "required",
            "COVERAGE__EXPECTED_TABLES": '["public.orders", "public.customers"]',
            "ARCHIVE_URI": (tmp_path / "archive").as_uri(),
        }.items():
            monkeypatch.setenv(f"THREADLINE_OPS_{name}", value)
        return load()

    return enter


def log_in(dsn: str, role: str) -> str:
    """A connection string of the role itself, which gets a password for it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        change = sql.SQL("alter role {} login password 'secret'").format(sql.Identifier(role))
        connection.execute(change)
    return make_conninfo(dsn, user=role, password="secret")


def disown(dsn: str, names: dict[str, str]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in names.values():
            if connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))


def run(dsn: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("THREADLINE_OPS_DSN", dsn)
    return CliRunner().invoke(app, list(words))


def test_each_operation_needs_its_role(healthy_directly, names, world, monkeypatch):
    settings = world(healthy_directly)
    with psycopg.connect(healthy_directly, autocommit=True) as connection:
        bulk(connection, transactions=40, per_transaction=2, days=200, now=datetime.now(UTC))
        connection.execute(sql.SQL("create role {}").format(sql.Identifier(names["nobody"])))
    with opened(settings, "tests") as database:
        assert execute(database, settings) == execute(database, settings) > 30, "running it again changes nothing"
    logins = {name: log_in(healthy_directly, names[name]) for name in ALL}
    try:
        for words, allowed in OPERATIONS.items():
            for name in sorted(ALL):
                done = run(logins[name], monkeypatch, *(word.format(role=name) for word in words))
                told = f"{words[0]} as {name}: {done.output}{done.exception!r}"
                if name in allowed:
                    assert done.exit_code == 0, told
                else:
                    assert isinstance(done.exception, OpsError), told
                    assert any(word in str(done.exception) for word in ("privilege", "lacks", "has no")), told
            if words[0] == "purge-control":
                assert run(healthy_directly, monkeypatch, "purge-control", "resume").exit_code == 0
        assert_nothing_more(logins)
    finally:
        disown(healthy_directly, names)


def assert_nothing_more(logins: dict[str, str]) -> None:
    """What no role of these may ever do."""
    forbidden = (
        "update audit_changes set op = 'insert'",
        "insert into audit_transactions (txid) values (1)",
        "truncate audit_changes",
        "delete from threadline_ops.evidence_anchors",
        "update threadline_ops.evidence_anchors set sha256 = sha256",
        "delete from threadline_ops.holds",
        "delete from orders",
        "alter table orders disable trigger all",
    )
    for name, dsn in logins.items():
        with psycopg.connect(dsn, autocommit=True) as connection:
            for statement in forbidden:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)
                    pytest.fail(f"{name} could {statement}")


def test_the_installer_installs_and_captures_tables_of_others(server, names, world, monkeypatch):
    with server.clone() as dsn:
        settings = world(dsn)
        monkeypatch.setenv("THREADLINE_OPS_DATABASE__AUDIT_SCHEMA", "audit")
        settings = load()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(
                "create table orders (id int primary key); create table customers (id int primary key);"
                " create table others (id int primary key)"
            )
        with opened(settings, "tests") as database:
            execute(database, settings, [Duty.INSTALLER])
        installer = log_in(dsn, names["installer"])
        try:
            for words in (("install",), ("triggers", "--tables", "public.orders,public.customers")):
                done = run(installer, monkeypatch, *words)
                assert done.exit_code == 0, f"{words}: {done.output}{done.exception!r}"
            with opened(settings, "tests") as database:
                execute(database, settings)
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("insert into orders values (1)")
                assert connection.execute("select count(*) from audit.audit_changes").fetchone() == (1,)
            reader = log_in(dsn, names["reader"])
            assert run(reader, monkeypatch, "coverage").exit_code == 0
            refused = run(reader, monkeypatch, "triggers", "--tables", "public.others")
            assert isinstance(refused.exception, OpsError)
        finally:
            disown(dsn, names)


def test_the_doctor_needs_no_more_than_reading(healthy_directly, names, world, monkeypatch):
    settings = world(healthy_directly)
    with opened(settings, "tests") as database:
        execute(database, settings, [Duty.READER])
    try:
        reader = log_in(healthy_directly, names["reader"])
        done = run(reader, monkeypatch, "doctor", "--json")
        assert done.exit_code in (0, 1), done.exception
        assert '"findings"' in done.output
    finally:
        disown(healthy_directly, names)


def test_printing_executes_nothing(healthy_directly, names, world, monkeypatch):
    world(healthy_directly)
    printed = run(healthy_directly, monkeypatch, "roles", "--sql")
    assert printed.exit_code == 0
    assert "create role" in printed.output
    with psycopg.connect(healthy_directly) as connection:
        known = connection.execute("select count(*) from pg_roles where rolname = any(%s)", (list(names.values()),))
        assert known.fetchone() == (0,)
        connection.execute(printed.output)  # the printed script is what --execute runs
        assert connection.execute(
            "select count(*) from pg_roles where rolname = any(%s)", (list(names.values()),)
        ).fetchone() == (4,)
        connection.rollback()
