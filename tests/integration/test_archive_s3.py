"""The archive in an object store: its whole life, the store's faults, and runs that are killed between two requests."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests import iceberg, s3
from tests.archive import archive_settings, history, live, originally, purged, shown, written
from tests.archive_zygote import zygote
from tests.integration.test_archive_killed import alone, build
from tests.s3 import CUT, SILENT, Server, healthy
from tests.servers import TestServer, template_database
from threadline_ops.archive import run_verify
from threadline_ops.archive.retire import run_retire
from threadline_ops.errors import OpsError, SettingsError
from threadline_ops.export import stores
from threadline_ops.settings import Settings

URI = f"s3://{s3.BUCKET}/audit{s3.REGION}"
ROOT = "audit/archive"
#: Tests that share the kills out, so that workers of the test run can.
PARTS = 4
CHANGING = ("PUT", "POST", "DELETE")


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with s3.running() as server:
        yield server


@pytest.fixture(autouse=True)
def store(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(stores, "S3_TIMEOUT_S", 1)
    monkeypatch.setattr(stores, "S3_ATTEMPTS", 1)
    with s3.bucket(running, monkeypatch):
        yield running


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    history(connection, days=2, transactions=6)
    return archive_settings(audited, tmp_path, uri=URI)


def manifests(store: Server) -> list[str]:
    return [name for name in store.names() if name.startswith(f"{ROOT}/manifests/")]


def test_its_whole_life(settings: Settings, connection: psycopg.Connection, store: Server):
    before = live(connection)
    original = originally(before)
    days = [day.day for day in written(settings).days]
    assert manifests(store) == [f"{ROOT}/manifests/{n:08d}.json" for n in range(1, len(days) + 1)]
    assert not run_verify(settings, live=True).problems
    assert written(settings, days=(days[0],), again=True).rows > 0
    assert len([name for name in store.names() if f"/{days[0]}/v" in name]) == 2, "never overwritten"
    assert shown(settings) == original
    assert purged(settings).result.deleted_changes == len(before)
    assert not live(connection)
    assert shown(settings) == original
    assert not run_verify(settings, live=True).problems
    assert not [name for name in store.names() if ".partial" in name]
    short = settings.model_copy(update={"archive": settings.archive.model_copy(update={"keep_days": 1})})
    assert len(run_retire(short, execute=True).retired) == len(days)
    assert not [name for name in store.names() if name.startswith(f"{ROOT}/days/")]
    assert not run_verify(settings).problems
    assert not shown(settings)


PLACES = {"a day's file": "part-00000.parquet", "a manifest": "manifests/00000002.json"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "status", [503, *(pytest.param(status, marks=pytest.mark.thorough) for status in (403, CUT, SILENT))]
)
def test_a_store_that_does_not_take_it(
    settings: Settings, connection: psycopg.Connection, store: Server, status: int, place: str
):
    before = live(connection)
    store.fault = lambda method, path: status if method in ("PUT", "POST") and PLACES[place] in path else None
    with pytest.raises(OpsError, match=r"store failed|cannot be written"):
        purged(settings)
    assert live(connection) == before, "nothing goes before it is archived"
    store.fault = healthy
    assert len(manifests(store)) == (place == "a manifest"), "what is published is whole"
    assert not run_verify(settings).problems
    assert shown(settings) == originally(before)
    assert purged(settings).result.outcome == "complete"
    assert not live(connection)
    assert shown(settings) == originally(before)
    assert not [name for name in store.names() if ".partial" in name]


@pytest.mark.parametrize(
    "status", [503, *(pytest.param(status, marks=pytest.mark.thorough) for status in (CUT, SILENT))]
)
def test_a_store_that_does_not_give_it_back(
    settings: Settings, connection: psycopg.Connection, store: Server, status: int
):
    written(settings)
    before = live(connection)
    store.fault = lambda method, path: status if method == "GET" and path.endswith(".parquet") else None
    problems = run_verify(settings).problems
    assert {problem.kind for problem in problems} == {"unreadable"}, "nobody is accused of altering a file"
    with pytest.raises(OpsError, match="cannot be read"):
        purged(settings)
    assert live(connection) == before, "what was not read back stays"
    store.fault = healthy
    assert purged(settings).result.outcome == "complete"
    assert shown(settings) == originally(before)


@pytest.mark.thorough
def test_as_an_iceberg_table(settings: Settings, connection: psycopg.Connection, store: Server, tmp_path: Path):
    before = live(connection)
    archive = settings.archive.model_copy(update={"format": "iceberg"})
    settings = settings.model_copy(update={"archive": archive})
    with pytest.raises(SettingsError, match="a catalog that its readers reach"):
        purged(settings)
    settings = settings.model_copy(update={"iceberg_catalog": SecretStr(f"sqlite:///{tmp_path}/catalog.db")})
    store.fault = lambda method, path: 503 if method in ("PUT", "POST") and "/iceberg/metadata/" in path else None
    with pytest.raises(OpsError, match="Iceberg table cannot be reached"):
        purged(settings)
    assert live(connection) == before, "what readers of the table do not see yet stays live"
    store.fault = healthy
    assert purged(settings).result.deleted_changes == len(before)
    assert iceberg.rows(settings) == before
    assert not run_verify(settings).problems


class Killer:
    """Kills the run that asks for the n-th change of the store; the change does not happen."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.requests = 0
        self._known = threading.Event()
        self._lock = threading.Lock()

    def began(self, pid: int) -> None:
        self.pid = pid
        self._known.set()

    def __call__(self, method: str, _path: str) -> int | None:
        if method not in CHANGING:
            return None
        with self._lock:
            self.requests += 1
            if self.requests != self.fatal:
                return None
        assert self._known.wait(10)
        os.kill(self.pid, signal.SIGKILL)
        return CUT


@pytest.mark.thorough
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_every_request_that_changes_the_store(server: TestServer, store: Server, tmp_path: Path, part: int):
    with template_database(server, "killed", build) as template, zygote() as run:
        with server.clone(template) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
            original = originally(live(connection))
            count = store.fault = Killer(0)
            assert run(dsn, tmp_path / "whole", 0, uri=f"s3://{s3.BUCKET}/0{s3.REGION}")[0] == 0
        assert count.requests > 5
        for fatal in range(1 + part, count.requests + 1, PARTS):
            uri = f"s3://{s3.BUCKET}/{fatal}{s3.REGION}"
            with server.clone(template) as dsn, psycopg.connect(dsn, autocommit=True) as connection:
                settings = archive_settings(dsn, tmp_path / str(fatal), uri=uri)
                killer = store.fault = Killer(fatal)
                assert run(dsn, tmp_path / str(fatal), 0, uri=uri, began=killer.began)[0] == -9
                store.fault = healthy
                alone(connection)
                assert shown(settings) == original, f"killed at request {fatal}"
                assert not run_verify(settings).problems
                assert run(dsn, tmp_path / str(fatal), 0, uri=uri)[0] == 0
                assert not live(connection)
                assert shown(settings) == original, f"finished after request {fatal}"
