"""Every statement in the package is planned by a real server, so that no file can rot."""

import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files

import psycopg
import pytest
from pydantic import SecretStr

from tests.audit import NOW
from tests.servers import TestServer
from threadline_ops import sql
from threadline_ops.archive.ledger import Ledger
from threadline_ops.continuity.copies import RowsTable
from threadline_ops.database import Database, opened
from threadline_ops.evidence.anchor import ensure
from threadline_ops.retention import holds
from threadline_ops.retention.control import steer
from threadline_ops.retention.scope import Scope
from threadline_ops.sections import DatabaseSettings
from threadline_ops.settings import Settings

ROOT = files(sql.__name__)
NAMES = sorted(
    f"{folder.name}/{file.name.removesuffix('.sql')}"
    for folder in ROOT.iterdir()
    if folder.is_dir() and not folder.name.startswith("_")
    for file in folder.iterdir()
    if file.name.endswith(".sql")
)
#: Folders whose statements define objects; installing capture runs them all.
DEFINING = (
    "capture", "demo", "roles", "evidence/create_", "holds/create_", "control/create_", "baseline/create_", "retention/estimate_",
    "partitions/create_", "partitions/attach", "partitions/detach", "partitions/drop_", "partitions/finalize",
    "partitions/freeze", "partitions/move_back", "archive/create_",
)  # fmt: skip


def code_of(name: str) -> str:
    return re.sub(r"^--.*\n", "", sql.source(name), flags=re.MULTILINE)


def conditions(slot: str) -> str:
    """Everything that can stand in a slot of the purge's statements, at once."""
    scope = Scope(NOW, {("public", "flights"): NOW}, keep_current=True)
    database = Database(None, DatabaseSettings(), "tests")
    return scope.slots(database, holds=True)[slot].as_string(None)


def generic(name: str) -> str:
    """The statement with its named parameters numbered, as EXPLAIN (GENERIC_PLAN) wants them."""
    numbers: dict[str, str] = {}
    text = re.sub(
        r"%\((\w+)\)s",
        lambda found: numbers.setdefault(found[1], f"${len(numbers) + 1}"),
        re.sub(r"\{(eligible|expired|action_eligible)\}", lambda slot: conditions(slot[1]), code_of(name)),
    ).replace("%%", "%")
    text = text.replace("{schema}.{table}", '"public"."audit_changes"').replace("{column}", '"op"')
    text = text.replace("{audit}", '"public"').replace("{operations}", '"threadline_ops"')
    return re.sub(r"\{\{|\}\}", lambda found: found[0][0], text)


@pytest.fixture(scope="module")
def everything(server: TestServer, audited_template: str) -> Iterator[psycopg.Connection]:
    """A database with every table that a statement may name; planning changes nothing, so all tests share it."""
    with server.clone(audited_template) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
        _install_all(dsn, connection)
        connection.execute("set default_transaction_read_only = on")
        yield connection


def _install_all(dsn: str, connection: psycopg.Connection) -> None:
    with opened(Settings(dsn=SecretStr(dsn)), "tests") as database:
        assert ensure(database) is None
        holds.install(database)
        steer(database, paused=False)
        connection.execute(database.statement("partitions/create_drops"))
        RowsTable(database).prepare()
        Ledger(database).install()


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(DEFINING)])
def test_the_server_can_plan_it(name: str, everything: psycopg.Connection):
    assert everything.execute(f"explain (generic_plan) {generic(name)}").fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_it_opens_with_a_reason_and_holds_one_statement(name: str):
    lines = sql.source(name).splitlines()
    reason = [line for line in lines[:6] if line.startswith("--")]
    assert lines[0].startswith("-- "), "the first line says why"
    assert 1 <= len(reason) <= 6
    if not name.startswith(DEFINING):
        assert ";" not in code_of(name)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(DEFINING)])
def test_audit_tables_are_always_named_with_their_schema(name: str):
    assert not re.search(r"(?<![.\w{}'])audit_(changes|transactions|actions)\b(?!')", code_of(name)), (
        "nothing may depend on search_path"
    )


def test_what_a_statement_includes_is_part_of_it():
    count = sql.source("export/count")
    assert "%(correlation_id)s::text is null" in count
    assert not re.search(r"\{\w+/", count), "nothing is left to include"
    assert count.count("--") == 1, "the fragment's reasons stay in its file"
    assert sql.digest("export/count") == hashlib.sha256(count.encode()).hexdigest(), "evidence quotes the whole"
