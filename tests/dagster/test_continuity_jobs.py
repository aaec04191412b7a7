"""Baselines as partitions, verifications as runs, and a sensor that asks for them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import psycopg
import pytest

from assets.continuity import CONTINUITY_BASELINE, BaselineConfig, VerifyConfig, continuity_tables
from assets.resources import Operations
from jobs.continuity import continuity_sensor
from jobs.definitions import defs
from tests.audit import count
from tests.continuity import capture, settings_for

TABLE = "public.things"


@pytest.fixture(autouse=True)
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    connection.execute("create table things (id int primary key, v text)")
    connection.execute("insert into things select i, 'honeytoken' || i from generate_series(1, 20) i")
    capture(settings_for(audited, tmp_path), "things")
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    monkeypatch.setenv("THREADLINE_OPS_ARCHIVE_URI", str(tmp_path / "archive"))
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))
    monkeypatch.setenv("THREADLINE_OPS_CONTINUITY__CHUNK_ROWS", "7")


def backfill(instance: dg.DagsterInstance, *, refresh: bool = False) -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions(continuity_tables.name, [TABLE])
    return defs.resolve_job_def("continuity_backfill").execute_in_process(
        instance=instance,
        partition_key=TABLE,
        run_config=dg.RunConfig(ops={"continuity_baseline": BaselineConfig(refresh=refresh)}),
        raise_on_error=False,
    )


def check(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("continuity_verify").execute_in_process(
        instance=instance,
        run_config=dg.RunConfig(ops={"verify_table": VerifyConfig(table="things")}),
        raise_on_error=False,
    )


def observed(result: dg.ExecuteInProcessResult) -> tuple[str | None, dict]:
    (event,) = [e for e in result.all_events if e.is_asset_observation]
    data = event.asset_observation_data.asset_observation
    return data.partition, {key: value.value for key, value in data.metadata.items()}


def test_a_partition_is_a_tables_baseline(connection):
    with dg.DagsterInstance.ephemeral() as instance:
        result = backfill(instance)
        assert result.success
        assert instance.get_materialized_partitions(CONTINUITY_BASELINE) == {TABLE}
        (event,) = result.get_asset_materialization_events()
        metadata = {key: value.value for key, value in event.materialization.metadata.items()}
        assert (metadata["dagster/partition_row_count"], metadata["chunks"], metadata["version"]) == (20, 3, 1)
        again = backfill(instance)
        (event,) = again.get_asset_materialization_events()
        assert event.materialization.metadata["outcome"].value == "unchanged"
        fresh = backfill(instance, refresh=True)
        (event,) = fresh.get_asset_materialization_events()
        assert event.materialization.metadata["version"].value == 2
    assert count(connection, "audit_changes") == 0


def test_a_verification_observes_counts_and_a_gap_fails_the_run(connection):
    with dg.DagsterInstance.ephemeral() as instance:
        backfill(instance)
        connection.execute("update things set v = 'captured' where id = 1")
        fine = check(instance)
        assert fine.success
        partition, metadata = observed(fine)
        assert (partition, metadata["gaps"], metadata["rows"], metadata["changes"]) == (TABLE, 0, 20, 1)
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from things where id = 3")
        broken = check(instance)
        assert not broken.success
        _, metadata = observed(broken)
        assert (metadata["vanished"], metadata["gaps"]) == (1, 1)
        text = str(instance.all_logs(broken.run_id))
    assert "honeytoken" not in text
    failure = broken.failure_data_for_node("verify_table")
    assert failure is not None
    assert failure.user_failure_data is not None
    assert "1 rows of public.things got past capture" in (failure.user_failure_data.description or "")


def tick(instance: dg.DagsterInstance, connection: psycopg.Connection, cursor: str | None) -> dg.SensorResult:
    connection.execute("select pg_stat_force_next_flush()")
    connection.execute("select 1")
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"operations": Operations()})
    with context as ready:
        result = continuity_sensor(ready)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_sensor_registers_tables_and_asks_for_a_verification_of_a_lasting_surplus(connection):
    assert defs.resolve_sensor_def("continuity_sensor").default_status is dg.DefaultSensorStatus.STOPPED
    with dg.DagsterInstance.ephemeral() as instance:
        result = tick(instance, connection, None)
        (request,) = result.dynamic_partitions_requests or []
        assert request.partition_keys == [TABLE]
        instance.add_dynamic_partitions(continuity_tables.name, [TABLE])
        connection.execute("set session_replication_role = replica")
        connection.execute("update things set v = v || '!'")
        asked = []
        surpluses = []
        for _ in range(5):
            result = tick(instance, connection, result.cursor)
            assert not result.dynamic_partitions_requests
            asked.append(len(result.run_requests or []))
            (event,) = result.asset_events
            assert event.partition == TABLE
            surpluses.append(event.metadata["estimated_surplus"].value)
    assert surpluses == [20, 20, 20, 0, 0]
    assert asked == [0, 0, 1, 0, 0], "one surplus asks for one verification"
