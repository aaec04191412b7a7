"""The code location loads, and the purge job runs in process as it does in production."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from assets.resources import Operations
from assets.retention import Mode, PurgeConfig
from jobs.definitions import defs
from tests.audit import bulk, count

pytestmark = pytest.mark.pooled

ROOT = Path(__file__).parents[2]
OP = "purge_expired_changes"


@pytest.fixture(autouse=True)
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bulk(connection, transactions=400, per_transaction=3, days=120, now=datetime.now(UTC))
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "true")
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__KEEP_DAYS", "90")
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))


def run(instance: dg.DagsterInstance, config: PurgeConfig | None = None) -> dg.ExecuteInProcessResult:
    run_config = dg.RunConfig(ops={OP: config}) if config else None
    job = defs.resolve_job_def("retention_purge")
    return job.execute_in_process(run_config=run_config, instance=instance, raise_on_error=False)


def metadata(result: dg.ExecuteInProcessResult) -> dict:
    events = [e for e in result.all_events if e.is_asset_observation or e.is_step_materialization]
    (event,) = events
    data = event.asset_observation_data.asset_observation if event.is_asset_observation else event.materialization
    return {key: value.value for key, value in data.metadata.items()}


def test_the_definitions_load():
    dg.Definitions.validate_loadable(defs)


def test_the_job_is_dry_unless_it_is_told_otherwise(connection: psycopg.Connection):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance)
    assert result.success
    assert metadata(result)["mode"] == "dry_run"
    assert metadata(result)["expired_changes"] > 200
    assert count(connection, "audit_changes") == 1200


def test_an_executed_run_deletes_and_reports(connection: psycopg.Connection, tmp_path: Path):
    with dg.DagsterInstance.ephemeral() as instance:
        predicted = metadata(run(instance))
        result = run(instance, PurgeConfig(mode=Mode.execute, batch_size=50))
        assert result.success
        done = metadata(result)
        lines = [entry.user_message for entry in instance.all_logs(result.run_id) if not entry.dagster_event]
    assert done["deleted_changes"] == predicted["expired_changes"] == 1200 - count(connection, "audit_changes")
    assert done["outcome"] == "complete"
    assert (tmp_path / "evidence" / f"{result.run_id}.json").exists()
    assert any("purge complete" in line for line in lines)
    assert len(lines) <= 4, "progress is throttled: start, first batch, at most one more, end"


def test_a_capped_run_fails_loudly_and_is_not_retried(connection: psycopg.Connection):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, PurgeConfig(mode=Mode.execute, batch_size=10, max_batches=2))
    assert not result.success
    failure = result.failure_data_for_node(OP)
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "expired changes remain" in (failure.user_failure_data.description or "")
    assert failure.user_failure_data.metadata["deleted_changes"].value == 20
    assert metadata(result)["deleted_changes"] == 20, "what was deleted is on the asset all the same"
    assert count(connection, "audit_changes") == 1180


def test_a_refusal_is_a_failure_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "false")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, PurgeConfig(mode=Mode.execute))
    failure = result.failure_data_for_node(OP)
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "set retention.enabled = true" in (failure.user_failure_data.description or "")


def test_no_event_holds_the_connection_string(audited: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_DSN", "postgresql://somebody:honeytoken-77@127.0.0.1:1/none")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance)
        text = str(instance.all_logs(result.run_id)) + str(instance.get_run_by_id(result.run_id))
    assert not result.success
    assert "nothing listens there" in text
    assert "honeytoken-77" not in text


def test_the_resource_holds_no_secret():
    assert "THREADLINE" not in repr(Operations())
    assert Operations().settings().dsn is not None


_TERMINATED = """
import dagster as dg, sys
from assets import retention
from jobs.definitions import defs
from threadline_ops.retention import run_purge

def slow(*arguments, **named):
    def pause(event):
        print(event.total_changes, flush=True)
        if event.batch == 3:
            (run,) = instance.get_runs()
            instance.report_run_canceling(run)  # as the UI does before it signals the worker
            sys.stdin.readline()
    return run_purge(*arguments, on_event=pause, **named)

retention.run_purge = slow
with dg.DagsterInstance.ephemeral() as instance:
    job = defs.resolve_job_def("retention_purge")
    config = {"ops": {"purge_expired_changes": {"config": {"mode": "execute", "batch_size": 10}}}}
    try:
        job.execute_in_process(run_config=config, instance=instance)
    except BaseException as error:
        print(type(error).__name__, flush=True)
    (record,) = instance.get_run_records()
    print(record.dagster_run.status.value, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.thorough)])
def test_termination_ends_the_run_after_the_batch_in_hand(connection: psycopg.Connection, number: signal.Signals):
    def default_signals() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    command = [sys.executable, "-c", _TERMINATED]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, preexec_fn=default_signals, **pipes) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert [child.stdout.readline().strip() for _ in range(3)] == ["10", "20", "30"]
        os.kill(child.pid, number)
        child.stdin.write("go on\n")
        child.stdin.flush()
        rest = child.stdout.read().split()
    assert rest[-1] == "CANCELED", rest
    assert count(connection, "audit_changes") == 1200 - 30, "what was announced is what is gone"
