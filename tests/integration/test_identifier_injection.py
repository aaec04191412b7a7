"""Whatever an operator or a host calls its schemas, tables, columns and roles: a name stays a name.

One world in which every name that can be supplied ends a quoted identifier, a literal, a dollar quote, a comment and
a template slot, and in which every operation still does its work and nothing else.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from threadline_ops.cli import app

#: Ends everything that a name could stand in; the tails tell them apart. At most 63 bytes each.
HOSTILE = "x\"';drop table canary;--$threadline_install${t}%s"
AUDIT, OPERATIONS, SCHEMA, TABLE = (f"{HOSTILE} {tail}" for tail in ("audit", "ops", "host", "table"))
KEY, SECRET, GONE, OTHER = (f"{HOSTILE} {tail}" for tail in ("k", "mask", "excl", "oth"))


def quoted(name: str) -> str:
    """A name as settings and flags spell it when it holds dots, commas or quotes."""
    return '"' + name.replace('"', '""') + '"'


FULL = f"{quoted(SCHEMA)}.{quoted(TABLE)}"


@pytest.fixture
def role(server) -> Iterator[str]:
    name = f"{HOSTILE} {secrets.token_hex(3)}"
    yield name
    with psycopg.connect(server.admin, autocommit=True) as connection:
        for duty in ("", "r", "e", "p", "i"):
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name + duty)))


@pytest.fixture
def connection(database: str, role: str) -> Iterator[psycopg.Connection]:
    """A host whose names are all hostile, and a canary that they would drop."""
    with psycopg.connect(database, autocommit=True) as opened:
        opened.execute("create table canary (id int)")
        opened.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        opened.execute(sql.SQL("create schema {}").format(sql.Identifier(SCHEMA)))
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
            for name, kind in ((KEY, "int primary key"), (SECRET, "text"), (GONE, "text"), (OTHER, "text"))
        )
        opened.execute(sql.SQL("create table {} ({})").format(sql.Identifier(SCHEMA, TABLE), columns))
        yield opened
        for duty in ("", "r", "e", "p", "i"):
            if opened.execute("select 1 from pg_roles where rolname = %s", (role + duty,)).fetchone():
                opened.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(role + duty)))


@pytest.fixture
def environment(database: str, role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table = {"mask": [SECRET], "exclude": [GONE], "except_columns": [OTHER], "store_changed_from": True}
    settings = {
        "DSN": database,
        "ENVIRONMENT": HOSTILE,
        "DATABASE__AUDIT_SCHEMA": AUDIT,
        "DATABASE__OPERATIONS_SCHEMA": OPERATIONS,
        "CAPTURE__TABLES": json.dumps({FULL: table}),
        "CAPTURE__APPLICATION_ROLES": json.dumps([role]),
        "COVERAGE__SCHEMAS": json.dumps([SCHEMA]),
        "COVERAGE__TRUSTED_ROLES": json.dumps([role]),
        "COVERAGE__PROBE_TABLES": json.dumps([FULL]),
        "RETENTION__ENABLED": "true",
        "RETENTION__KEEP_DAYS": "1",
        "RETENTION__ALLOWED_PUBLICATIONS": json.dumps([HOSTILE]),
        "RETENTION__TABLES": json.dumps({FULL: {"keep_days": 2}}),
        "EVIDENCE__ANCHOR": "required",
        "EVIDENCE__STORE": HOSTILE,
        "ARCHIVE_URI": (tmp_path / "archive").as_uri(),
    } | {f"ROLES__{name.upper()}": role + name[0] for name in ("reader", "exporter", "purger", "installer")}
    for name, value in settings.items():
        monkeypatch.setenv(f"THREADLINE_OPS_{name}", value)


def command(*words: str, status: tuple[int, ...] = (0,)) -> str:
    done = CliRunner().invoke(app, [*words])
    told = f"{words}: {done.output}{done.exception!r}"
    assert not isinstance(done.exception, Exception), told  # an ordinary exit is none
    assert done.exit_code in status, told
    return done.output


@pytest.mark.usefixtures("environment")
@pytest.mark.thorough
def test_every_operation_takes_a_hostile_name_for_a_name(connection: psycopg.Connection, tmp_path: Path):
    command("install")
    connection.execute("set search_path = pg_catalog")  # what runs unqualified finds nothing
    command("triggers")
    host = sql.Identifier(SCHEMA, TABLE)
    connection.execute(sql.SQL("insert into {} values (1, 'clear', 'gone', 'o'), (2, 'b', 'c', 'd')").format(host))
    connection.execute(sql.SQL("update {} set {} = 'other'").format(host, sql.Identifier(OTHER)))
    changes = sql.Identifier(AUDIT, "audit_changes")
    assert connection.execute(sql.SQL("select count(*) from {}").format(changes)).fetchone() == (4,)
    connection.execute(sql.SQL("update {} set captured_at = now() - '9 days'::interval").format(changes))

    command("roles", "--execute")
    command("coverage")
    command("doctor", status=(0, 1))
    found = command("timeline", "--table", TABLE, "--json")
    assert "clear" not in found
    assert len(json.loads(found)) == 4
    command("history", FULL, f"{KEY}=1")
    command("as-of", FULL, f"{KEY}=1", "--at", "2026-01-01T00:00:00Z", status=(0, 1))
    command("export", "--output", str(tmp_path / "out"), "--table", TABLE, "--no-progress")
    command("baseline", FULL)
    command("continuity", FULL, status=(0, 1))
    command("continuity-verify", FULL, status=(0, 1))
    command("hold", "add", "--table", FULL, "--pk", json.dumps({KEY: "1"}), "--reason", HOSTILE, "--by", HOSTILE)
    command("hold", "list")
    command("purge-control", "pause", "--reason", HOSTILE)
    command("purge-control", "resume")
    command("purge")
    command("purge", "--execute")
    left = connection.execute(sql.SQL("select count(*) from {}").format(changes)).fetchone()
    command("evidence", "verify")
    assert connection.execute("select to_regclass('public.canary') is not null").fetchone() == (True,)
    assert left is not None
    assert 0 < left[0] < 5, "held changes stay, the others go"
