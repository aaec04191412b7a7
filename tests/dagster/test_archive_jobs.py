"""The archive's asset and jobs, in process as in production."""

from pathlib import Path

import dagster as dg
import psycopg
import pytest

from assets.archive import GatedConfig
from assets.retention import Mode
from jobs.archive import archive_then_purge
from jobs.definitions import defs
from tests.archive import history, live


@pytest.fixture(autouse=True)
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    history(connection)
    for name, value in {
        "DSN": audited,
        "RETENTION__ENABLED": "true",
        "RETENTION__KEEP_DAYS": "30",
        "RETENTION__REQUIRE_ARCHIVE": "true",
        "EVIDENCE__DIRECTORY": str(tmp_path / "evidence"),
        "ARCHIVE__DIRECTORY": str(tmp_path / "archive"),
        "ARCHIVE__SEAL_WAIT_S": "20",
    }.items():
        monkeypatch.setenv(f"THREADLINE_OPS_{name}", value)


def run(instance: dg.DagsterInstance, name: str, **options) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(name).execute_in_process(instance=instance, raise_on_error=False, **options)


def failure(result: dg.ExecuteInProcessResult) -> dg.Failure:
    (step,) = [event for event in result.all_events if event.is_step_failure]
    data = step.step_failure_data.user_failure_data
    assert data is not None
    return data


def test_a_partition_is_a_day(connection: psycopg.Connection):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, "archive_write", partition_key="2026-05-18")
        assert result.success
        (event,) = result.get_asset_materialization_events()
        assert event.partition == "2026-05-18"
        rows = event.materialization.metadata["dagster/row_count"].value
        assert rows == sum(str(row[5].date()) == "2026-05-18" for row in live(connection).values()) > 0


def test_verify_and_purge_by_the_archive(connection: psycopg.Connection, tmp_path: Path):
    execute = dg.RunConfig(ops={"purge_archived_changes": GatedConfig(mode=Mode.execute)})
    with dg.DagsterInstance.ephemeral() as instance:
        assert run(instance, "archive_then_purge").success, "a dry run is no failure"
        assert live(connection)
        refused = run(instance, "retention_purge", run_config={
            "ops": {"purge_expired_changes": {"config": {"mode": "execute"}}}})  # fmt: skip
        assert "read back from the archive" in (failure(refused).description or "")
        assert live(connection), "the plain purge refuses"
        assert run(instance, "archive_then_purge", run_config=execute).success
        assert not live(connection)
        assert run(instance, "archive_verify").success
        file = next((tmp_path / "archive").glob("days/*/v1/*.parquet"))
        file.write_bytes(file.read_bytes()[:-1])
        broken = run(instance, "archive_verify")
        assert "altered" in (failure(broken).description or "")


def test_an_open_transaction_is_named_and_may_be_retried(audited_directly: str, monkeypatch: pytest.MonkeyPatch):
    with psycopg.connect(audited_directly) as writer, dg.DagsterInstance.ephemeral() as instance:
        writer.execute("insert into audit_transactions (txid) values (-1000001)")
        monkeypatch.setenv("THREADLINE_OPS_ARCHIVE__SEAL_WAIT_S", "0")
        found = failure(run(instance, "archive_write", partition_key="2026-05-18"))
        assert f"pid {writer.info.backend_pid}, open for" in (found.description or "")
        writer.rollback()
        monkeypatch.setenv("THREADLINE_OPS_ARCHIVE__SEAL_WAIT_S", "20")
        assert run(instance, "archive_write", partition_key="2026-05-18").success


def test_schedules_are_off_and_the_purge_is_asked_to_execute():
    for name in ("archive_write_nightly", "archive_then_purge_nightly"):
        assert defs.resolve_schedule_def(name).default_status is dg.DefaultScheduleStatus.STOPPED
    execute = {"ops": {"purge_archived_changes": {"config": {"mode": "execute"}}}}
    assert dg.validate_run_config(archive_then_purge, execute)
