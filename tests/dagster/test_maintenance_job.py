"""Pruning a real Dagster instance: nothing goes whose evidence is not stored, or that shows what is there now."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from assets.location import CodeLocation
from assets.maintenance import MaintenanceConfig, maintain, prune, recorded
from assets.resources import Operations
from jobs.maintenance import dagster_maintenance
from threadline_ops import evidence
from threadline_ops.evidence import Store, records
from threadline_ops.settings import Settings, load

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@dg.asset
def plain() -> None:
    """Materialized again and again."""


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
def partitioned() -> None:
    """Each partition shows its own newest materialization."""


plain_job = dg.define_asset_job("plain_job", selection=[plain], executor_def=dg.in_process_executor)
partitioned_job = dg.define_asset_job("partitioned_job", selection=[partitioned], executor_def=dg.in_process_executor)


@dg.job(executor_def=dg.in_process_executor)
def empty_job() -> None:
    """Materializes nothing."""


defs = dg.Definitions(
    assets=[plain, partitioned],
    jobs=[plain_job, partitioned_job, empty_job, dagster_maintenance],
    resources={"operations": Operations()},
)


HERE = CodeLocation("local", defs.get_repository_def())


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.thorough)])
def instance(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dg.DagsterInstance]:
    """Both run storages: the one of a laptop, and the one that a team is told to use."""
    (tmp_path / "dagster").mkdir()
    storage: dict[str, Any] = {}
    if request.param == "PostgreSQL":
        address = "postgresql://{user}:{password}@{host}:{port}/{dbname}"
        parts = psycopg.conninfo.conninfo_to_dict(request.getfixturevalue("database"))
        storage = {"storage": {"postgres": {"postgres_url": address.format(**parts)}}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=storage) as made:
        assert request.param.removesuffix("QL").lower() in type(made.run_storage).__name__.lower()
        yield made


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__ANCHOR", "off")
    return load()


def run(instance: dg.DagsterInstance, job: str, partition: str | None = None) -> str:
    return defs.resolve_job_def(job).execute_in_process(instance=instance, partition_key=partition).run_id


def record(settings: Settings, run_id: str) -> None:
    with evidence.recording(settings, "test", run_id=run_id, mode="execute", command="test"):
        pass


def pruned(instance: dg.DagsterInstance, settings: Settings, *, before: datetime = FAR, at_most: int = 100) -> set[str]:
    """The runs that went."""
    old = {found.run_id for found in instance.get_runs()}
    done = prune(instance, settings, HERE, before=before, execute=True, at_most=at_most)
    gone = old - {found.run_id for found in instance.get_runs()}
    assert len(gone) == done.removed
    return gone


def test_only_runs_with_a_stored_record_go(instance: dg.DagsterInstance, settings: Settings):
    recorded_run, bare, begun = (run(instance, "empty_job") for _ in range(3))
    record(settings, recorded_run)
    store = Store(settings.evidence.directory)
    store.partial_path(begun).touch()
    assert [recorded(store, each) for each in (recorded_run, bare, begun)] == [True, False, False]
    assert pruned(instance, settings) == {recorded_run}
    assert not instance.all_logs(recorded_run), "its events went with it"
    assert instance.all_logs(bare)


def test_the_newest_materialization_of_every_partition_stays(instance: dg.DagsterInstance, settings: Settings):
    first, second = run(instance, "plain_job"), run(instance, "plain_job")
    a, b, again = (run(instance, "partitioned_job", key) for key in ("a", "b", "a"))
    for each in (first, second, a, b, again):
        record(settings, each)
    assert pruned(instance, settings) == {first, a}
    assert instance.get_materialized_partitions(partitioned.key) == {"a", "b"}
    assert pruned(instance, settings) == set(), "again changes nothing"


def test_young_foreign_and_unfinished_runs_stay_and_the_cap_holds(instance: dg.DagsterInstance, settings: Settings):
    runs = [run(instance, "empty_job") for _ in range(4)]
    waiting = instance.create_run_for_job(empty_job).run_id

    @dg.job(executor_def=dg.in_process_executor)
    def another_location() -> None: ...

    foreign = another_location.execute_in_process(instance=instance).run_id
    elsewhere = run(instance, "empty_job")
    instance.add_run_tags(elsewhere, {"threadline/environment": "another"})
    for each in (*runs, waiting, foreign, elsewhere):
        record(settings, each)
    assert not pruned(instance, settings, before=datetime.now(UTC) - timedelta(days=1))
    assert len(pruned(instance, settings, at_most=3)) == 3
    assert pruned(instance, settings) <= set(runs)
    assert {found.run_id for found in instance.get_runs()} == {waiting, foreign, elsewhere}


def test_the_job_is_dry_by_default_gives_every_run_its_record_and_leaves_one(
    instance: dg.DagsterInstance, settings: Settings
):
    bare = run(instance, "empty_job")
    maintain(instance, settings, HERE, MaintenanceConfig(), run_id="dry")
    assert instance.has_run(bare)
    found = {each.run_id: each for each in records(Store(settings.evidence.directory))}
    assert found["dry"].mode == "dry_run"
    assert bare in found, "a run that left no record of its own has one now, and only so may it go later"
    job = defs.resolve_job_def("dagster_maintenance")
    config = {"ops": {"prune_dagster_runs": {"config": {"mode": "execute"}}}}
    executed = job.execute_in_process(instance=instance, run_config=config)
    assert executed.success
    assert instance.has_run(bare), "it is young"
    assert recorded(Store(settings.evidence.directory), executed.run_id)
    assert evidence.verify(settings).intact
