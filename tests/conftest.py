"""Databases for tests: one server a session, one template a schema, one clone a test.

With THREADLINE_OPS_DSN set (a superuser's), the tests use that server and start none; otherwise each process
of the test run starts its own, and it is gone afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from functools import cache

import hypothesis
import psycopg
import pytest
from pydantic import SecretStr

from tests import audited_world, backlog_plugin, pgbouncer, servers
from tests.servers import TestServer, template_database
from threadline_ops.capture.install import install
from threadline_ops.database import opened
from threadline_ops.settings import Settings


def pytest_addoption(parser: pytest.Parser) -> None:
    backlog_plugin.add_options(parser)
    parser.addoption(
        "--extent",
        choices=["usual", "thorough", "all"],
        default="usual",
        help="usual: what a change needs at once; thorough: the rest, which is tests marked so and the route through "
        "PgBouncer; all: both",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of the other extent out: deselected, not skipped, because CI runs both."""
    extent = config.getoption("--extent")
    if extent == "all":
        return
    left_out = [item for item in items if _thorough(item) != (extent == "thorough")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _thorough(item) == (extent == "thorough")]


def _thorough(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return item.get_closest_marker("thorough") is not None or parameters.get("route") == "pooled"


def pytest_configure(config: pytest.Config) -> None:
    backlog_plugin.register(config)


# On a busy machine generating data may be slow, which says nothing about the code; CI draws the same cases each time.
hypothesis.settings.register_profile("ci", derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow])
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    with servers.given() if os.environ.get("THREADLINE_OPS_DSN") else servers.started() as ready:
        yield ready


@pytest.fixture
def database(server: TestServer) -> Iterator[str]:
    """The DSN of an empty database of this test's own."""
    with server.clone() as dsn:
        yield dsn


def _install(dsn: str) -> None:
    with opened(Settings(dsn=SecretStr(dsn)), "tests") as database:
        install(database)


@pytest.fixture(scope="session")
def healthy_template(server: TestServer) -> Iterator[str]:
    with template_database(server, "healthy", audited_world.build) as name:
        yield name


@pytest.fixture
def healthy_directly(server: TestServer, healthy_template: str) -> Iterator[str]:
    """The DSN of a database of this test's own, whose tables are captured as they should be."""
    with server.clone(healthy_template) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def audited_template(server: TestServer) -> Iterator[str]:
    with template_database(server, "audited", _install) as name:
        yield name


@pytest.fixture
def audited_directly(server: TestServer, audited_template: str) -> Iterator[str]:
    """The DSN of a database of this test's own, with the audit tables and no row in them."""
    with server.clone(audited_template) as dsn:
        yield dsn


@pytest.fixture
def route() -> str:
    """How operations reach the audited database; `pytest.mark.pooled` runs a test by both routes."""
    return "direct"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("pooled") and {"audited", "healthy"} & set(metafunc.fixturenames):
        metafunc.parametrize("route", ["direct", "pooled"])


@pytest.fixture(scope="session")
def poolers(server: TestServer) -> Iterator[Callable[[str], pgbouncer.PgBouncer]]:
    """A PgBouncer before the test server for each pool mode that is asked for, started at most once."""
    with ExitStack() as stack:
        yield cache(lambda mode: stack.enter_context(pgbouncer.started(server.admin, mode)))


@pytest.fixture
def routed(route: str, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """A direct DSN as operations use it: as it is, or through a PgBouncer in transaction mode."""
    if route == "direct":
        return lambda direct: direct
    return request.getfixturevalue("poolers")("transaction").dsn


@pytest.fixture
def audited(audited_directly: str, routed: Callable[[str], str]) -> str:
    """The audited database as operations reach it."""
    return routed(audited_directly)


@pytest.fixture
def healthy(healthy_directly: str, routed: Callable[[str], str]) -> str:
    """The healthy database as operations reach it."""
    return routed(healthy_directly)


@pytest.fixture
def connection(audited_directly: str) -> Iterator[psycopg.Connection]:
    """A superuser's autocommit connection to the test's audited database, past any pooler."""
    with psycopg.connect(audited_directly, autocommit=True) as opened_connection:
        yield opened_connection


@pytest.fixture
def host(audited: str) -> Iterator[psycopg.Connection]:
    """A host's autocommit connection to the test's audited database, by the same route as operations."""
    with psycopg.connect(audited, autocommit=True, prepare_threshold=None) as opened_connection:
        yield opened_connection


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failure: what was not run was not shown to work."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI counts that as a failure: {report.longrepr}"
    return report
