"""Runs on a Celery worker over Redis, with run storage in PostgreSQL: executed, canceled, and executed again."""

import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher import LaunchRunContext
from psycopg.conninfo import conninfo_to_dict

from assets.retention import Mode, PurgeConfig
from tests import redis_server
from tests.audit import bulk, count
from threadline_ops.evidence import Store, find

ROOT = Path(__file__).parents[2]
JOB = "retention_purge"
#: A worker imports Dagster anew, on a machine that has other work.
PATIENCE_S = 120.0


@pytest.fixture
def instance(
    database: str, audited_directly: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The team's instance file with the launcher's part appended, as deploy/ says; `database` is its storage."""
    home = tmp_path / "home"
    home.mkdir()
    parts = (ROOT / "dagster.yaml", ROOT / "deploy/celery/instance.yaml")
    (home / "dagster.yaml").write_text("\n".join(part.read_text() for part in parts))
    with redis_server.started(tmp_path) as address:
        for name, value in {
            "DAGSTER_HOME": str(home),
            "DAGSTER_STORAGE_URL": "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(
                **conninfo_to_dict(database)
            ),
            "DAGSTER_CELERY_BROKER_URL": f"{address}/0",
            "DAGSTER_CELERY_BACKEND_URL": f"{address}/1",
            "THREADLINE_OPS_DSN": audited_directly,
            "THREADLINE_OPS_RETENTION__ENABLED": "true",
            "THREADLINE_OPS_RETENTION__KEEP_DAYS": "30",
            "THREADLINE_OPS_EVIDENCE__DIRECTORY": str(tmp_path / "evidence"),
        }.items():
            monkeypatch.setenv(name, value)
        with dg.DagsterInstance.get() as opened:
            yield opened


@contextmanager
def worker(log: Path) -> Iterator[None]:
    words = [sys.executable, "-m", "celery", "-A", "jobs.celery_worker", "worker", "-Q", "dagster", "-c", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()  # a warm shutdown: the pool's process goes with it
            process.wait(60)


def launch(instance: dg.DagsterInstance, mode: Mode, batch_size: int | None = None) -> str:
    source = ReconstructableRepository.for_file(str(ROOT / "jobs/definitions.py"), "defs", str(ROOT))
    job = source.get_reconstructable_job(JOB)
    config = dg.RunConfig(ops={"purge_expired_changes": PurgeConfig(mode=mode, batch_size=batch_size)})
    run = instance.create_run_for_job(
        job.get_definition(), job_code_origin=job.get_python_origin(), run_config=config.to_config_dict()
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dagster-celery registers its task anew for every run that it launches
        instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return run.run_id


def wait(until: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.02)


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


@pytest.mark.thorough
def test_runs_are_executed_and_canceled_by_a_worker(
    instance: dg.DagsterInstance, connection: psycopg.Connection, tmp_path: Path
):
    bulk(connection, transactions=1500, per_transaction=2, days=120, now=datetime.now(UTC))
    log, store = tmp_path / "worker.log", Store(tmp_path / "evidence")
    with worker(log):
        run_id = launch(instance, Mode.execute, batch_size=2)
        wait(lambda: count(connection, "audit_changes") < 2990, log)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        instance.report_run_canceling(run)
        assert instance.run_launcher.terminate(run_id)
        wait(lambda: status(instance, run_id) in (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE), log)
        assert status(instance, run_id) is dg.DagsterRunStatus.CANCELED
        record = find(store, run_id)
        assert record.outcome == "canceled"
        assert record.body["figures"]["deleted_changes"] == 3000 - count(connection, "audit_changes") > 0

        again = launch(instance, Mode.execute)
        wait(lambda: status(instance, again).value in ("SUCCESS", "FAILURE"), log)
        assert find(store, again).outcome == "complete", "the worker lives on, and the purge goes on where it ended"
