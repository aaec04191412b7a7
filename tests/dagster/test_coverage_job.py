"""Coverage in Dagster: assets, checks, and the sensor that says what changed."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from assets import coverage
from assets.coverage import CATALOG_CHECKS, TABLE_CHECKS
from assets.evaluations import AUDIT_TRAIL, asset_key
from assets.resources import Operations
from jobs.coverage import build
from jobs.definitions import defs as code_location
from tests.audited_world import TABLES, settings_for
from threadline_ops.capture.names import Table
from threadline_ops.coverage import Check

pytestmark = pytest.mark.pooled

ORDERS = asset_key(Table("public", "orders"))


@pytest.fixture(autouse=True)
def environment(healthy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = settings_for(healthy)
    file = tmp_path / "threadline.toml"
    names = ", ".join(f'"public.{name}"' for name in TABLES)
    customers = text.capture.tables["public.customers"]
    file.write_text(
        f"""
        [coverage]
        expected_tables = [{names}]
        probe_tables = ["orders"]
        [evidence]
        directory = "{tmp_path / "evidence"}"
        [capture.tables."lines"]
        typed_pk = true
        [capture.tables."public.customers"]
        mask = {json.dumps(customers.mask)}
        exclude = {json.dumps(customers.exclude)}
        except_columns = {json.dumps(customers.except_columns)}
        store_changed_from = true
        """
    )
    monkeypatch.setenv("THREADLINE_OPS_CONFIG", str(file))
    monkeypatch.setenv("THREADLINE_OPS_DSN", healthy)


@pytest.fixture
def defs() -> dg.Definitions:
    built = dg.Definitions.merge(build(Operations().settings()), dg.Definitions(resources={"operations": Operations()}))
    dg.Definitions.validate_loadable(built)
    return built


@pytest.fixture
def connection(healthy_directly: str):
    with psycopg.connect(healthy_directly, autocommit=True) as opened:
        yield opened


def run(defs: dg.Definitions, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("coverage_check").execute_in_process(instance=instance, raise_on_error=False)


def outcomes(result: dg.ExecuteInProcessResult) -> dict[tuple[dg.AssetKey, str], dg.AssetCheckEvaluation]:
    return {(done.asset_key, done.check_name): done for done in result.get_asset_check_evaluations()}


def test_every_audited_table_is_an_external_asset(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    keys = {key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "audited"}
    assert keys == {AUDIT_TRAIL, *(asset_key(Table("public", name)) for name in TABLES)}
    assert not any(graph.get(key).is_executable for key in keys)


def test_the_code_location_has_the_job_and_the_sensor():
    assert code_location.resolve_job_def("coverage_check")
    assert code_location.resolve_sensor_def("coverage_sensor").minimum_interval_seconds == 60


def test_the_job_evaluates_every_check_and_observes_every_table(defs: dg.Definitions):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(defs, instance)
        assert result.success
        done = outcomes(result)
        observed = instance.fetch_observations(ORDERS, limit=1).records[0].asset_observation
        trail = instance.fetch_observations(AUDIT_TRAIL, limit=1).records[0].asset_observation
    assert len(done) == len(TABLES) * len(TABLE_CHECKS) + len(Check)
    assert all(evaluation.passed for evaluation in done.values())
    assert observed is not None
    assert observed.metadata["changes_last_hour"].value == 9
    assert observed.metadata["status"].value == "covered"
    assert observed.metadata["lag_seconds"].value >= 0
    assert trail is not None
    assert trail.metadata["covered"].value == len(TABLES)
    assert Path(str(trail.metadata["evidence"].value)).exists()


def test_a_broken_table_fails_its_check_and_the_databases(defs: dg.Definitions, connection: psycopg.Connection):
    connection.execute("alter table orders disable trigger threadline_audit_orders")
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(defs, instance)
    assert result.success, "a violation is what the job is there to report"
    failed = {place for place, evaluation in outcomes(result).items() if not evaluation.passed}
    assert failed == {
        (ORDERS, Check.TRIGGER.value),
        (AUDIT_TRAIL, Check.TRIGGER.value),
        (AUDIT_TRAIL, Check.EXPECTED.value),
        (AUDIT_TRAIL, Check.PROBE.value),
    }
    evaluation = outcomes(result)[ORDERS, Check.TRIGGER.value]
    assert evaluation.severity is dg.AssetCheckSeverity.ERROR
    assert "trigger_disabled" in str(evaluation.metadata["found"].value)
    said = str(evaluation.description)
    assert said.startswith("public.orders: "), "what, of which table,"
    assert "ENABLE TRIGGER" in said, "and what to do, in words"


def test_nothing_is_true_of_a_table_that_is_not_captured(defs: dg.Definitions, connection: psycopg.Connection):
    connection.execute("drop trigger threadline_audit_orders on orders")
    with dg.DagsterInstance.ephemeral() as instance:
        done = outcomes(run(defs, instance))
    assert not any(done[ORDERS, check.value].passed for check in TABLE_CHECKS)


def test_a_lesser_finding_is_a_warning_and_a_partial_scan_is_told(
    defs: dg.Definitions, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("THREADLINE_OPS_COVERAGE__SCAN_ROWS", "5")
    connection.execute("drop index audit_changes_captured_at_idx")
    with dg.DagsterInstance.ephemeral() as instance:
        done = outcomes(run(defs, instance))
    evaluation = done[AUDIT_TRAIL, Check.INDEXES.value]
    assert not evaluation.passed
    assert evaluation.severity is dg.AssetCheckSeverity.WARN
    assert "CREATE INDEX CONCURRENTLY" in str(evaluation.metadata["found"].value)
    assert "partial_scan" not in evaluation.metadata
    scanned = done[AUDIT_TRAIL, Check.CLEAR_TEXT.value]
    assert scanned.passed
    assert "only the newest 5 changes" in str(scanned.metadata["partial_scan"].value)
    assert "only the newest 5 changes" in (scanned.description or "")


def test_an_empty_list_of_expectations_fails(monkeypatch: pytest.MonkeyPatch, healthy: str, tmp_path: Path):
    (tmp_path / "empty.toml").write_text(f'[evidence]\ndirectory = "{tmp_path / "evidence"}"\n')
    monkeypatch.setenv("THREADLINE_OPS_CONFIG", str(tmp_path / "empty.toml"))
    built = dg.Definitions.merge(build(Operations().settings()), dg.Definitions(resources={"operations": Operations()}))
    with dg.DagsterInstance.ephemeral() as instance:
        done = outcomes(run(built, instance))
    assert not done[AUDIT_TRAIL, Check.EXPECTED.value].passed


def tick(defs: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"operations": Operations()})
    result = defs.resolve_sensor_def("coverage_sensor")(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_the_sensor_speaks_on_change_and_is_silent_otherwise(defs: dg.Definitions, connection: psycopg.Connection):
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(defs, instance, None)
        assert [request.run_key for request in first.run_requests or ()] == ["coverage-drift-1"]
        evaluated = [event for event in first.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
        assert len(evaluated) == len(TABLES) * len(TABLE_CHECKS) + len(CATALOG_CHECKS)
        assert all(event.passed for event in evaluated)
        observed = [event for event in first.asset_events if isinstance(event, dg.AssetObservation)]
        assert len(observed) == len(TABLES) + 1

        second = tick(defs, instance, first.cursor)
        assert (second.run_requests, list(second.asset_events), second.cursor) == ([], [], first.cursor)

        connection.execute("insert into orders values (99, 'no drift')")
        assert not tick(defs, instance, second.cursor).asset_events, "rows are no drift"

        connection.execute("alter table orders disable trigger threadline_audit_orders")
        third = tick(defs, instance, second.cursor)
        assert [request.run_key for request in third.run_requests or ()] == ["coverage-drift-2"]
        failed = [
            event for event in third.asset_events if isinstance(event, dg.AssetCheckEvaluation) and not event.passed
        ]
        assert {event.asset_key for event in failed} == {ORDERS, AUDIT_TRAIL}

        connection.execute("alter table orders enable trigger threadline_audit_orders")
        fourth = tick(defs, instance, third.cursor)
        assert [request.run_key for request in fourth.run_requests or ()] == ["coverage-drift-3"], (
            "back is a change too"
        )


def test_the_sensor_repeats_itself_once_an_hour(defs: dg.Definitions):
    with dg.DagsterInstance.ephemeral() as instance:
        state = json.loads(tick(defs, instance, None).cursor or "{}")
        state["said"] = (datetime.fromisoformat(state["said"]) - coverage.REPEAT - timedelta(seconds=1)).isoformat()
        again = tick(defs, instance, json.dumps(state))
    assert again.asset_events
    assert not again.run_requests


@pytest.mark.parametrize(
    "change",
    [
        "grant insert on audit_changes to public",
        "drop index audit_changes_captured_at_idx",
        "alter function threadline_capture_changes() reset search_path",
        "create table another (id int)",
    ],
)
def test_the_sensor_notices_changes_of_the_audit_tables_and_functions(
    defs: dg.Definitions, connection: psycopg.Connection, change: str
):
    with dg.DagsterInstance.ephemeral() as instance:
        first = tick(defs, instance, None)
        connection.execute(change)
        assert tick(defs, instance, first.cursor).run_requests


def test_the_sensor_without_a_database_skips(defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("THREADLINE_OPS_DSN")
    with dg.DagsterInstance.ephemeral() as instance:
        assert "THREADLINE_OPS_DSN" in str(tick(defs, instance, None).skip_reason)
