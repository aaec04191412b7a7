"""Several environments in one instance: none hides what another found, and none answers for another's runs."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from assets.location import CodeLocation
from tests.code_locations import ROOMS, Environment, loaded
from tests.servers import TestServer
from threadline_ops.coverage import Check
from threadline_ops.evidence import Store, records

ROOT = Path(__file__).parents[2]
#: What users and their tools know, where one instance has one environment.
DEFAULT_KEYS = {
    "adoption_backlog", "audit_archive", "audit_changes", "audit_export", "audited/audit_trail",
    "audited/public/orders", "audited_write_paths", "connection_topology", "continuity_baseline", "health_report",
}  # fmt: skip

Make = Callable[[str, bool], Environment]


@pytest.fixture
def environment(server: TestServer, healthy_template: str, tmp_path: Path) -> Iterator[Make]:
    """Production, whose capture is broken, and any other, whose capture is whole."""
    with server.clone(healthy_template) as broken, server.clone(healthy_template) as whole:
        with psycopg.connect(broken, autocommit=True) as connection:
            connection.execute("drop trigger threadline_audit_orders on orders")
        databases = {"production": broken}
        yield lambda name, prefixed: Environment(name, databases.get(name, whole), tmp_path / name, prefixed)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(defs: dg.Definitions, job: str, instance: dg.DagsterInstance) -> None:
    assert defs.resolve_job_def(job).execute_in_process(instance=instance).success


def tick(defs: dg.Definitions, sensor: str, instance: dg.DagsterInstance) -> None:
    """One evaluation, with its events stored as the daemon would."""
    definition = defs.resolve_sensor_def(sensor)
    resources = dict(defs.resources or {})
    with dg.build_sensor_context(instance=instance, definitions=defs, resources=resources) as context:
        for event in definition.evaluate_tick(context).asset_events:
            instance.report_runless_asset_event(event)


def keys(defs: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}


def checks(defs: dg.Definitions) -> set[dg.AssetCheckKey]:
    return set(defs.resolve_asset_graph().asset_check_keys)


def wiring(defs: dg.Definitions, prefix: str = "") -> dict[str, object]:
    """What each job selects and is configured by, and what there is beside the jobs; keys without their prefix."""
    found: dict[str, object] = {}
    for job in defs.get_repository_def().get_all_jobs():
        layer = job.asset_layer
        # The job of the UI's button "Materialize" has every check; of the others only the selected ones.
        selected = {key.to_user_string() for key in layer.selected_asset_keys} | {
            f"{key.asset_key.to_user_string()} {key.name}" for key in layer.asset_graph.asset_check_keys
        }
        assert all(each.startswith(prefix) for each in selected), job.name
        found[job.name] = ({each.removeprefix(prefix) for each in selected}, sorted(n.name for n in job.graph.nodes))
    repository = defs.get_repository_def()
    return found | {
        "schedules": {schedule.name: schedule.job_name for schedule in repository.schedule_defs},
        "sensors": {sensor.name for sensor in repository.sensor_defs},
        "says": {n.key.to_user_string().removeprefix(prefix): (n.group_name, n.description) for n in _nodes(defs)},
    }


def _nodes(defs: dg.Definitions):
    graph = defs.resolve_asset_graph()
    return [graph.get(key) for key in graph.get_all_asset_keys()]


def trigger_is_whole(instance: dg.DagsterInstance, *path: str) -> bool:
    """What the UI shows of the table's check: its newest evaluation."""
    key = dg.AssetCheckKey(dg.AssetKey([*path, "audited", "public", "orders"]), Check.TRIGGER.value)
    (shown,) = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).values()
    assert shown.event is not None
    assert shown.event.dagster_event is not None
    return shown.event.dagster_event.asset_check_evaluation_data.passed


def test_without_the_setting_a_green_check_hides_another_environments_red_one(
    environment: Make, instance: dg.DagsterInstance
):
    with loaded(environment("production", False)) as production:
        run(production, "coverage_check", instance)
        assert keys(production) == DEFAULT_KEYS
        assert not trigger_is_whole(instance)
        of_production = checks(production)
    with loaded(environment("staging", False)) as staging:
        run(staging, "coverage_check", instance)
        assert checks(staging) == of_production
    assert trigger_is_whole(instance), "production's capture is broken still, and nobody sees it"


def test_with_the_setting_each_environment_has_its_own_keys_and_its_own_colour(
    environment: Make, instance: dg.DagsterInstance
):
    seen: dict[str, tuple[set[str], set[dg.AssetCheckKey]]] = {}
    with loaded(environment("prod-eu.1", False)) as plain:
        expected = wiring(plain)
    for name in ("production", "prod-eu.1"):
        before = set(instance.all_asset_keys())
        with loaded(environment(name, True)) as defs:
            for job in ("coverage_check", "retention_purge", "archive_verify", "health_check", "backlog_render"):
                run(defs, job, instance)
            for sensor in ("coverage_sensor", "run_evidence_sensor", "continuity_sensor"):
                tick(defs, sensor, instance)
            seen[name] = keys(defs), checks(defs)
            assert wiring(defs, f"{name}/") == expected
        told = set(instance.all_asset_keys()) - before
        assert len(told) >= 7
        assert {key.path[0] for key in told} == {name}, "something was told under another key"
    (production, red), (other, green) = seen.values()
    assert production == {f"production/{key}" for key in DEFAULT_KEYS}
    assert not production & other
    assert not red & green
    assert len(red) == len(green) > 20
    assert not trigger_is_whole(instance, "production")
    assert trigger_is_whole(instance, "prod-eu.1")


def test_partitions_of_tables_are_each_environments_own(environment: Make, instance: dg.DagsterInstance):
    for name in ("production", "staging"):
        with loaded(environment(name, True)) as defs:
            node = defs.resolve_asset_graph().get(dg.AssetKey([name, "continuity_baseline"]))
            assert isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)
            assert node.partitions_def.get_partition_keys(dynamic_partitions_store=instance) == []
            instance.add_dynamic_partitions(str(node.partitions_def.name), [f"public.only_in_{name}"])


def test_each_environment_records_its_own_runs_alone(environment: Make, instance: dg.DagsterInstance):
    """They have jobs of the same names, and a record says what an environment did."""
    names = ("production", "staging")
    for name in names:
        with loaded(environment(name, False)) as defs:
            run(defs, "retention_purge", instance)
    for name in names:
        made = environment(name, False)
        with loaded(made) as defs:
            tick(defs, "run_evidence_sensor", instance)
        (record,) = records(Store(made.evidence))
        told = instance.get_run_by_id(record.run_id)
        assert told is not None
        assert told.tags["threadline/environment"] == record.environment == name


def test_a_materialization_from_the_ui_belongs_to_the_location_it_was_asked_of():
    target = LoadableTargetOrigin(module_name="jobs.definitions")
    location = InProcessCodeLocationOrigin(target, location_name="staging")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "__ASSET_JOB")
    run = dg.DagsterRun(job_name="__ASSET_JOB", run_id="x", remote_job_origin=origin)
    repository = dg.Definitions(assets=[dg.asset(lambda: None, name="any")]).get_repository_def()
    assert CodeLocation("b", repository, "staging").ran(run)
    assert CodeLocation("b", repository).ran(run), "nobody said which location this is"
    assert not CodeLocation("a", repository, "production").ran(run)


def test_keys_are_made_in_one_place():
    """A key written out elsewhere would be shared by every environment."""
    assert written_out('dg.AssetSpec("x")') == written_out('dg.AssetObservation(asset_key=["x"])') == [1]
    assert written_out("y = 1\ndg.AssetKey(whatever)") == [2]
    assert written_out('dg.AssetSpec(key_of("x"))\ndg.AssetCheckSpec("name", asset=KEY)') == []
    for room in ROOMS:
        for path in (ROOT / room).glob("*.py"):
            assert written_out(path.read_text()) == [] or path.name == "keys.py", path.name


def written_out(source: str) -> list[int]:
    """Lines that make a key, or give one as text."""
    found: list[int] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
            given = [word.value for word in node.keywords if word.arg in ("key", "asset_key", "asset", "key_prefix")]
            given += node.args[:1] if name in ("AssetSpec", "AssetObservation", "AssetMaterialization") else []
            text = any(isinstance(value, ast.Constant | ast.List | ast.Tuple) for value in given)
            found += [node.lineno] if name == "AssetKey" or text else []
    return found
