"""Every finished run has one record, whoever wrote it; the backlog renders from them and is guarded by its checks."""

import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from assets.backlog import ADOPTION_BACKLOG
from assets.resources import Operations
from assets.retention import Mode, PurgeConfig
from jobs.backlog import run_evidence_sensor
from jobs.definitions import defs
from threadline_ops import evidence
from threadline_ops import settings as configuration
from threadline_ops.evidence import Store, records
from threadline_ops.retention import PurgeRequest, run_purge


@pytest.fixture(autouse=True)
def store(audited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "true")
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__KEEP_DAYS", "90")
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))
    monkeypatch.setenv("THREADLINE_OPS_BACKLOG__DIRECTORY", str(tmp_path / "backlog"))
    return Store(tmp_path / "evidence")


def purge(instance: dg.DagsterInstance, mode: Mode = Mode.dry_run) -> dg.ExecuteInProcessResult:
    config = dg.RunConfig(ops={"purge_expired_changes": PurgeConfig(mode=mode)})
    return defs.resolve_job_def("retention_purge").execute_in_process(run_config=config, instance=instance)


def render(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("backlog_render").execute_in_process(instance=instance)


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    resources = {"operations": Operations()}
    with dg.build_sensor_context(instance=instance, definitions=defs, cursor=cursor, resources=resources) as context:
        result = run_evidence_sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {found.check_name: found.passed for found in result.get_asset_check_evaluations()}


def runs(store: Store) -> list[tuple[str, str, str]]:
    return [(record.run_id, record.operation, record.outcome) for record in records(store)]


def test_the_backlog_renders_and_its_checks_speak(tmp_path: Path, store: Store):
    with dg.DagsterInstance.ephemeral() as instance:
        purge(instance)
        result = render(instance)
        (materialized,) = result.asset_materializations_for_node("adoption_backlog")
    assert checks(result) == {
        "the_evidence_is_unaltered": True, "no_rule_is_broken": True, "no_p0_is_open": True,
    }  # fmt: skip
    metadata = {name: value.value for name, value in materialized.metadata.items()}
    assert metadata["rows_ok"] >= 2
    assert metadata["evidence_sequence"] == 2
    assert "| retention.dry_run_before_execute | OK |" in metadata["backlog"]
    rendered = json.loads((tmp_path / "backlog" / "backlog.json").read_text())
    assert {row["key"]: row["status"] for row in rendered["rows"]}["retention.dry_run_before_execute"] == "OK"
    assert [run[1] for run in runs(store)] == ["retention_purge", "host_preflight"]


def test_a_purge_without_a_dry_run_shows_as_an_open_p0():
    with dg.DagsterInstance.ephemeral() as instance:
        purge(instance, Mode.execute)
        assert checks(render(instance))["no_p0_is_open"] is False


def test_runs_that_recorded_themselves_stay_as_they_are(store: Store):
    with dg.DagsterInstance.ephemeral() as instance:
        purge(instance)
        result = tick(instance)
        again = tick(instance, result.cursor)
    assert len(runs(store)) == 1
    assert result.run_requests is not None
    assert len(result.run_requests) == 1, "the backlog has news"
    assert [event.metadata["evidence_sequence"].value for event in result.asset_events] == [1]
    assert (again.run_requests, list(again.asset_events)) == ([], [])


def test_rendering_does_not_ask_for_another_rendering():
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        render(instance)
        assert tick(instance, first.cursor).run_requests == []


def test_runs_from_the_command_line_are_news():
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(instance)
        run_purge(configuration.load(), PurgeRequest())
        assert len(tick(instance, first.cursor).run_requests or []) == 1


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (dg.DagsterRunStatus.CANCELED, "canceled"),
        (dg.DagsterRunStatus.FAILURE, "failed"),
        (dg.DagsterRunStatus.SUCCESS, "complete"),
    ],
)
def test_a_run_that_never_started_gets_one_record(store: Store, status: dg.DagsterRunStatus, outcome: str):
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_job_def("retention_purge")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
        tick(instance)
        assert list(records(store)) == [], "a run that waits has no end yet"
        instance.add_run_tags(run.run_id, {"seen": "yes"})
        instance.handle_new_event(_event(run, status))
        first = tick(instance)
        for cursor in (None, first.cursor, first.cursor):
            tick(instance, cursor)
    assert runs(store) == [(run.run_id, "retention_purge", outcome)]
    assert evidence.verify(configuration.load()).problems == ()


def _event(run: dg.DagsterRun, status: dg.DagsterRunStatus) -> dg.EventLogEntry:
    kinds = {
        dg.DagsterRunStatus.CANCELED: dg.DagsterEventType.RUN_CANCELED,
        dg.DagsterRunStatus.FAILURE: dg.DagsterEventType.RUN_FAILURE,
        dg.DagsterRunStatus.SUCCESS: dg.DagsterEventType.RUN_SUCCESS,
    }
    event = dg.DagsterEvent(event_type_value=kinds[status].value, job_name=run.job_name)
    return dg.EventLogEntry(
        error_info=None, level=20, user_message="", run_id=run.run_id, timestamp=1_780_000_000.0,
        job_name=run.job_name, dagster_event=event,
    )  # fmt: skip


def test_a_run_of_another_code_location_is_not_ours(store: Store):
    @dg.job
    def somebody_elses():
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        somebody_elses.execute_in_process(instance=instance)
        tick(instance)
    assert list(records(store)) == []


def test_the_instance_remembers_what_a_rewritten_store_forgot(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Even where no database anchors the chain."""
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__ANCHOR", "off")
    with dg.DagsterInstance.ephemeral() as instance:
        purge(instance)
        for event in tick(instance).asset_events:
            assert isinstance(event, dg.AssetObservation)
            instance.report_runless_asset_event(event)
        assert checks(render(instance))["the_evidence_is_unaltered"]
        shutil.rmtree(store.directory)
        result = render(instance)
    assert checks(result)["the_evidence_is_unaltered"] is False
    assert [check.asset_key for check in result.get_asset_check_evaluations()] == [ADOPTION_BACKLOG] * 3


def test_the_sensor_is_on():
    assert run_evidence_sensor.default_status is dg.DefaultSensorStatus.RUNNING
