"""The `retention_purge` job, and the sensor that goes on where a capped one ended."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.failures import failures
from assets.labels import labelled, labelled_plainly
from assets.resources import Operations
from assets.retention import Mode, PurgeConfig, audit_changes, purge_expired_changes, unfinished_purge
from jobs.limits import run_tags


@dg.job(
    # In process: a killed multiprocess worker would leave a child behind that goes on committing batches.
    executor_def=dg.in_process_executor,
    description=labelled(
        "Purge changes that are past the retention window. A dry run unless the Launchpad says "
        "`mode: execute` and the settings say `retention.enabled = true`.",
        "retention-purge",
    ),
    # Above any max_duration_min that a person would set: Dagster records a failure before the run hears of it.
    tags=run_tags("retention_purge", at_most=timedelta(hours=24)),
)
def retention_purge() -> None:
    """Wire the op; its config is the job's."""
    purge_expired_changes()


@dg.sensor(
    # By name: Dagster 1.13 warns of its own beta parameter when it re-binds a sensor's job object.
    job_name=retention_purge.name,
    minimum_interval_seconds=600,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=labelled_plainly(
        "Asks for another purge as soon as one stopped at its cap, until nothing expired remains, not only "
        "the next night. It deletes only if the settings say `retention.enabled = true`.",
        "a-purge-was-capped",
    ),
)
def retention_backlog_sensor(operations: Operations) -> dg.RunRequest | dg.SkipReason:
    """One look at the newest purge on record."""
    settings = operations.settings()
    if not settings.retention.enabled:
        return dg.SkipReason("retention.enabled is false, so a purge would be refused")
    with failures():
        left_off = unfinished_purge(settings)
    if left_off is None:
        return dg.SkipReason("the newest purge did not stop at a cap, or got nowhere")
    # By the run that it follows: each is followed once.
    config = dg.RunConfig(ops={purge_expired_changes.name: PurgeConfig(mode=Mode.execute)})
    return dg.RunRequest(run_key=left_off, run_config=config)


defs = dg.Definitions(assets=[audit_changes], jobs=[retention_purge], sensors=[retention_backlog_sensor])
