"""Old Dagster runs go, but only when their evidence is stored, and never those that show what is there now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import dagster as dg
from dagster import DagsterEventType
from dagster_shared.check import CheckError
from pydantic import Field

from assets.evidence import FINISHED, Cursor, reconcile
from assets.failures import failures
from assets.location import CodeLocation
from assets.pools import DAGSTER_STORAGE
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
    pool=DAGSTER_STORAGE,
)
def prune_dagster_runs(context: dg.OpExecutionContext, config: MaintenanceConfig, operations: Operations) -> None:
    """One pruning."""
    with failures():
        settings = operations.settings()
        done = maintain(
            context.instance,
            settings,
            CodeLocation(settings.environment, _repository(context), _name(context)),
            config,
            run_id=context.run_id,
            echo=context.log.info,
        )
    context.add_output_metadata(dict(vars(done)))


def _repository(context: dg.OpExecutionContext) -> dg.RepositoryDefinition | None:
    """The code location, which a run in the caller's own process does not know."""
    try:
        return context.repository_def
    except CheckError:
        return None


def _name(context: dg.OpExecutionContext) -> str | None:
    origin = context.run.remote_job_origin
    return origin.location_name if origin else None


def maintain(
    instance: dg.DagsterInstance,
    settings: Settings,
    location: CodeLocation,
    config: MaintenanceConfig,
    *,
    run_id: str,
    echo: Callable[[str], None] = lambda _: None,
) -> Pruned:
    """Record what left no record, then prune, leaving one evidence record.

    Args:
        instance: whose runs.
        settings: where evidence is kept, and for how long runs are.
        location: tells our runs from those of other code locations.
        config: what this run is asked to do.
        run_id: Dagster's.
        echo: receives each line of the run's log.

    Raises:
        EvidenceError: the store cannot be written; nothing is removed then.
    """
    keep = timedelta(days=config.keep_days or settings.dashboard.keep_runs_days)
    execute = config.mode is MaintenanceMode.execute
    command = f"dagster job execute -w workspace.yaml -j {OPERATION}"
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode=config.mode.value, command=command, echo=echo
    ) as recording:
        recording.parameters.update(keep_days=keep.days, at_most=config.at_most)
        if location.repository is not None:
            reconcile(instance, settings, Cursor.parse(None), location)
        before = datetime.now(UTC) - keep
        done = prune(instance, settings, location, before=before, execute=execute, at_most=config.at_most)
        recording.outcome = "complete" if execute else "dry_run"
        recording.figures.update(vars(done))
        word = "removed" if execute else "would be removed"
        recording.log(
            f"{done.removed} old runs {word}, {done.current} stay as the newest of an asset, "
            f"{done.without_evidence} stay without evidence"
        )
    return done


def prune(
    instance: dg.DagsterInstance,
    settings: Settings,
    location: CodeLocation,
    *,
    before: datetime,
    execute: bool,
    at_most: int,
) -> Pruned:
    """Remove runs that ended before a moment from Dagster's storage.

    Args:
        instance: whose runs.
        settings: where evidence is kept.
        location: as for `maintain`.
        before: runs last updated then or later stay.
        execute: otherwise they are only counted.
        at_most: so many go.
    """
    store, done = Store(settings.evidence.directory), Pruned()
    newest = _holders_of_newest(instance)
    for run_id in _old(instance, location, before):
        if done.removed == at_most:
            break
        _judge(instance, store, newest, run_id, done, execute=execute)
    return done


def _old(instance: dg.DagsterInstance, location: CodeLocation, before: datetime) -> list[str]:
    """All of them before the first goes: the cursor to the next page is a run, which must be there to be found."""
    finished, found = dg.RunsFilter(statuses=list(FINISHED), updated_before=before), list[str]()
    cursor: str | None = None
    while page := instance.get_runs(finished, cursor=cursor, limit=_PAGE):
        found += [run.run_id for run in page if location.ran(run)]
        cursor = page[-1].run_id
    return found[::-1]


def _judge(
    instance: dg.DagsterInstance, store: Store, newest: set[str], run_id: str, done: Pruned, *, execute: bool
) -> None:
    if not recorded(store, run_id):
        done.without_evidence += 1
    elif run_id in newest:
        done.current += 1
    else:
        if execute:
            instance.delete_run(run_id)
        done.removed += 1


def recorded(store: Store, run_id: str) -> bool:
    """Whether a run's record, or that of one of its steps, is in the chain and not merely begun."""
    return store.record_path(run_id).exists() or any(store.directory.glob(f"{run_id}.*.json"))


def _holders_of_newest(instance: dg.DagsterInstance) -> set[str]:
    """Runs that hold the newest materialization of an asset or of one of its partitions: what the UI shows as now."""
    held: set[str] = set()
    for key in instance.all_asset_keys():
        held.update(record.run_id for record in instance.fetch_materializations(key, limit=1).records)
        partitions = instance.event_log_storage.get_latest_storage_id_by_partition(
            key, DagsterEventType.ASSET_MATERIALIZATION
        )
        places = sorted(partitions.values())
        for start in range(0, len(places), _PAGE):
            some = dg.AssetRecordsFilter(asset_key=key, storage_ids=places[start : start + _PAGE])
            held.update(record.run_id for record in instance.fetch_materializations(some, limit=_PAGE).records)
    return held
