"""Old Dagster runs go, but only when their evidence is stored, and never those that show what is there now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import dagster as dg
from dagster import DagsterEventType, EventLogRecord
from pydantic import Field

from assets.evidence import FINISHED, Cursor, reconcile
from assets.failures import failures
from assets.resources import Operations
from threadline_ops import evidence
from threadline_ops.evidence import Store
from threadline_ops.settings import Settings

OPERATION = "dagster_maintenance"
#: Runs a step, so that a large instance is read in pieces.
_PAGE = 200


class MaintenanceMode(Enum):
    """What a maintenance run does."""

    dry_run = "dry_run"
    execute = "execute"


class MaintenanceConfig(dg.Config):
    """What one maintenance run is asked to do."""

    mode: MaintenanceMode = Field(
        default=MaintenanceMode.dry_run, description="dry_run counts; execute removes the runs from Dagster."
    )
    keep_days: int | None = Field(default=None, ge=1, description="Instead of dashboard.keep_runs_days.")
    at_most: int = Field(default=5_000, ge=1, description="Runs that one maintenance removes at most.")


@dataclass
class Pruned:
    """What became of the old runs.

    Attributes:
        removed: their evidence is stored; a dry run would remove them.
        current: kept, because an asset's or a partition's newest materialization is theirs.
        without_evidence: kept, because no record of theirs is in the chain.
    """

    removed: int = 0
    current: int = 0
    without_evidence: int = 0


@dg.op(
    description="Gives every finished run its evidence record, then removes old ones from Dagster's storage whose "
    "record is in the chain. Runs that hold an asset's newest materialization stay.",
    out=dg.Out(dg.Nothing),
    pool="dagster_storage",
)
def prune_dagster_runs(
    context: dg.OpExecutionContext, config: MaintenanceConfig, operations: Operations
) -> Iterator[dg.ExpectationResult]:
    """One pruning."""
    with failures():
        settings = operations.settings()
        keep = timedelta(days=config.keep_days or settings.dashboard.keep_runs_days)
        mode = config.mode.value
        with evidence.recording(
            settings,
            OPERATION,
            run_id=context.run_id,
            mode=mode,
            command=f"dagster job execute -w workspace.yaml -j {OPERATION}",
            echo=context.log.info,
        ) as recording:
            recording.parameters.update(keep_days=keep.days, at_most=config.at_most)
            reconcile(context.instance, settings, Cursor.parse(None), context.repository_def)
            done = prune(
                context.instance,
                settings,
                context.repository_def,
                before=datetime.now(UTC) - keep,
                execute=config.mode is MaintenanceMode.execute,
                at_most=config.at_most,
            )
            recording.outcome = "complete" if config.mode is MaintenanceMode.execute else "dry_run"
            recording.figures.update(vars(done))
            recording.log(
                f"{mode}: {done.removed} old runs removed, {done.current} stay as the newest of an asset, "
                f"{done.without_evidence} stay without evidence"
            )
    yield dg.ExpectationResult(success=True, label="pruned", metadata=dict(vars(done)))


def prune(
    instance: dg.DagsterInstance,
    settings: Settings,
    repository: dg.RepositoryDefinition | None,
    *,
    before: datetime,
    execute: bool,
    at_most: int,
) -> Pruned:
    """Remove runs that ended before a moment from Dagster's storage.

    Args:
        instance: whose runs.
        settings: where evidence is kept.
        repository: tells our jobs from those of other code locations; None takes all.
        before: runs last updated then or later stay.
        execute: otherwise they are only counted.
        at_most: so many go.
    """
    store, done = Store(settings.evidence.directory), Pruned()
    newest = _Newest(instance)
    cursor: str | None = None
    while done.removed < at_most:
        page = instance.get_runs(
            dg.RunsFilter(statuses=list(FINISHED), updated_before=before), cursor=cursor, limit=_PAGE
        )
        if not page:
            break
        for run in page:
            if done.removed < at_most and (repository is None or repository.has_job(run.job_name)):
                _judge(instance, store, newest, run.run_id, done, execute=execute)
        cursor = page[-1].run_id
    return done


def _judge(
    instance: dg.DagsterInstance, store: Store, newest: "_Newest", run_id: str, done: Pruned, *, execute: bool
) -> None:
    if not recorded(store, run_id):
        done.without_evidence += 1
    elif newest.held_by(run_id):
        done.current += 1
    else:
        if execute:
            instance.delete_run(run_id)
        done.removed += 1


def recorded(store: Store, run_id: str) -> bool:
    """Whether a run's record, or that of one of its steps, is in the chain and not merely begun."""
    return store.record_path(run_id).exists() or any(store.directory.glob(f"{run_id}.*.json"))


class _Newest:
    """Which runs hold the newest materialization of an asset or of one of its partitions: what the UI shows as now."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._latest: dict[dg.AssetKey, set[int]] = {}

    def held_by(self, run_id: str) -> bool:
        records = self._instance.get_records_for_run(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION).records
        return any(key is not None and record.storage_id in self._of(key) for key, record in _by_asset(records))

    def _of(self, key: dg.AssetKey) -> set[int]:
        if key not in self._latest:
            storage = self._instance.event_log_storage
            by_partition = storage.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
            newest = self._instance.fetch_materializations(key, limit=1).records
            self._latest[key] = {*by_partition.values(), *(record.storage_id for record in newest)}
        return self._latest[key]


def _by_asset(records: Sequence[EventLogRecord]) -> Iterator[tuple[dg.AssetKey | None, EventLogRecord]]:
    for record in records:
        event = record.event_log_entry.dagster_event
        yield (event.asset_key if event else None), record
