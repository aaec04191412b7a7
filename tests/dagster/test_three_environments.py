"""One image, three code locations: each with its own environment and database, all in one workspace."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._grpc.client import DagsterGrpcClient

from tests.pgbouncer import free_port
from threadline_ops import evidence
from threadline_ops import settings as configuration
from threadline_ops.backlog import load
from threadline_ops.evidence import Store, records

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("ci", "staging", "production")


@pytest.fixture
def locations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three code servers of the same code, started as the image starts its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("THREADLINE_")}
    started: list[subprocess.Popen[bytes]] = []
    ports: list[int] = []
    try:
        for name in ENVIRONMENTS:
            port = free_port()
            monkeypatch.setenv(f"THREADLINE_{name.upper()}_HOST", "127.0.0.1")
            monkeypatch.setenv(f"THREADLINE_{name.upper()}_PORT", str(port))
            words = ["-m", "dagster", "api", "grpc", "--host", "127.0.0.1", "--port", str(port)]
            place = ["--python-file", "jobs/definitions.py", "--working-directory", str(ROOT)]
            home = tmp_path / name
            home.mkdir()
            own = {"THREADLINE_OPS_ENVIRONMENT": name, "DAGSTER_HOME": str(home)}
            own |= {"THREADLINE_OPS_DASHBOARD__PREFIX_ASSET_KEYS": "true"}
            started.append(
                subprocess.Popen([sys.executable, *words, *place], cwd=ROOT, env=plain | own, stderr=subprocess.DEVNULL)
            )
            ports.append(port)
        for port in ports:  # all at once: each of them imports Dagster first
            _wait(DagsterGrpcClient(port=port, host="127.0.0.1"))
        yield
    finally:
        for server in started:
            server.kill()
            server.wait(10)


def _wait(client: DagsterGrpcClient) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            client.ping("x")
            return
        except Exception:  # it does not listen yet
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.thorough
@pytest.mark.usefixtures("locations")
def test_the_workspace_loads_every_environment(tmp_path: Path):
    target = WorkspaceFileTarget([str(ROOT / "deploy/workspace-three-environments.yaml")])
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        WorkspaceProcessContext(instance, target) as process,
    ):
        context = process.create_request_context()
        assert {entry.origin.location_name for entry in context.get_code_location_entries().values()} == set(
            ENVIRONMENTS
        )
        keys = checks = 0
        for name in ENVIRONMENTS:
            repositories = context.get_code_location(name).get_repositories().values()
            (repository,) = repositories
            keys += len(repository.asset_graph.get_all_asset_keys())
            checks += len(repository.asset_graph.asset_check_keys)
            assert {"retention_purge", "coverage_check"} <= {job.name for job in repository.get_all_jobs()}
            assert {key.path[0] for key in repository.asset_graph.get_all_asset_keys()} == {name}
        # What the catalog shows: without the environments in the keys, three locations would have but one set.
        catalog = context.asset_graph
        assert len(catalog.get_all_asset_keys()) == keys
        assert len(catalog.asset_check_keys) == checks


def test_one_store_holds_every_environment_and_each_backlog_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path))
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__STORE", "all")
    for name in ENVIRONMENTS:
        monkeypatch.setenv("THREADLINE_OPS_ENVIRONMENT", name)
        settings = configuration.load()
        with evidence.recording(settings, "retention_purge", run_id=None, mode="dry_run", command="x") as recording:
            recording.outcome = "dry_run"
            recording.support("retention.config_validated", ok=name != "staging", detail="")
    kept = list(records(Store(tmp_path)))
    assert [record.environment for record in kept] == list(ENVIRONMENTS)
    for name in ENVIRONMENTS:
        monkeypatch.setenv("THREADLINE_OPS_ENVIRONMENT", name)
        backlog = load(configuration.load(), kept[-1].ended)
        (row,) = [row for row in backlog.rows if row.row.key == "retention.config_validated"]
        assert row.status == ("Issue" if name == "staging" else "OK")
        assert bool(backlog.issues) == (name == "staging")
