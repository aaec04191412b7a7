"""The `retention_purge` job and its nightly schedule."""

from __future__ import annotations

import dagster as dg

from assets.retention import Mode, PurgeConfig, audit_changes, purge_expired_changes


@dg.job(
    # In process: a killed multiprocess worker would leave a child behind that goes on committing batches.
    executor_def=dg.in_process_executor,
    description="Purge changes that are past the retention window. A dry run unless the Launchpad says "
    "`mode: execute` and the settings say `retention.enabled = true`.",
    tags={"threadline/operation": "retention_purge"},
)
def retention_purge() -> None:
    """Wire the op; its config is the job's."""
    purge_expired_changes()


@dg.schedule(
    job=retention_purge,
    cron_schedule="15 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Purges every night at 02:15 UTC once it is switched on.",
)
def retention_purge_nightly() -> dg.RunRequest:
    """Ask for one executed purge."""
    return dg.RunRequest(run_config=dg.RunConfig(ops={purge_expired_changes.name: PurgeConfig(mode=Mode.execute)}))


defs = dg.Definitions(assets=[audit_changes], jobs=[retention_purge], schedules=[retention_purge_nightly])
