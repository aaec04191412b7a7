"""The topology and write-path jobs run in process and say what they found in checks and metadata."""

import json
import sys
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate

from assets.topology import AUDITED_WRITE_PATHS, CONNECTION_TOPOLOGY
from jobs.definitions import defs
from tests.sample_host import bookings
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.settings import load
from threadline_ops.write_paths import exercise


@pytest.fixture(autouse=True)
def environment(audited: str, audited_directly: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    monkeypatch.setenv("THREADLINE_OPS_DIRECT_DSN", audited_directly)
    monkeypatch.setenv("THREADLINE_OPS_ENVIRONMENTS__LOCAL__ALLOW_WRITES", "true")
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))


def run(name: str) -> tuple[dg.ExecuteInProcessResult, dict[str, dg.AssetCheckEvaluation]]:
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def(name).execute_in_process(instance=instance, raise_on_error=False)
    return result, {found.check_name: found for found in result.get_asset_check_evaluations()}


@pytest.mark.pooled
def test_the_topology_is_measured_and_checked(tmp_path: Path, route: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threadline_ops.topology.contract_actor.TRANSACTIONS", 10)
    result, checks = run("topology_check")
    assert result.success
    (event,) = result.asset_materializations_for_node("connection_topology")
    table = event.metadata["topology"].value
    assert ("transaction" if route == "pooled" else "| direct |") in str(table)
    assert checks["every_chain_is_known"].passed
    assert checks["the_contract_holds_behind_every_pooler"].passed
    other = checks["every_environment_matches_production"]
    assert (other.passed, other.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert (tmp_path / "evidence" / f"{result.run_id}.json").exists()


def test_a_path_that_is_not_audited_fails_its_check(
    connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for statement in bookings.TABLES:
        connection.execute(statement)
    write = "import os, psycopg; psycopg.connect(os.environ['HOST_DSN'], autocommit=True).execute({!r})".format(
        "insert into bookings (flight) values (1)"
    )
    monkeypatch.setenv("HOST_DSN", connection.info.dsn + f" password={connection.info.password}")
    path = {
        "name": "close day",
        "kind": "job",
        "command": [sys.executable, "-W", "ignore", "-c", write],
        "writes": ["insert bookings"],
        "timeout_s": 1,
    }
    monkeypatch.setenv("THREADLINE_OPS_WRITE_PATHS", json.dumps([path]))
    result, checks = run("write_path_probe")
    assert result.success, "the check says it; the run itself has done its work"
    assert not checks["every_write_path_is_audited"].passed
    assert "not captured" in str(checks["every_write_path_is_audited"].metadata["findings"].value)
    with opened(load(), "test", direct=True) as database:
        list(apply(database, [Table("public", "bookings")]))
    # Before, nothing was to be waited for; a command that must end needs time on a busy machine.
    monkeypatch.setenv("THREADLINE_OPS_WRITE_PATHS", json.dumps([path | {"timeout_s": 30}]))
    _, checks = run("write_path_probe")
    assert "never" in str(checks["every_write_path_is_audited"].metadata["findings"].value)


def test_a_whole_materialization_leaves_evidence_for_each_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threadline_ops.topology.contract_actor.TRANSACTIONS", 2)
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        keys = [CONNECTION_TOPOLOGY, AUDITED_WRITE_PATHS]
        assert job.execute_in_process(instance=instance, asset_selection=keys).success
    assert len(list((tmp_path / "evidence").glob("*.json"))) == 2


def test_the_launch_of_a_dagster_job_fits_dagsters_schema():
    assert validate(create_schema().graphql_schema, parse(exercise.LAUNCH)) == []
