"""The `archive_write`, `archive_verify` and `archive_then_purge` jobs and their schedules."""

from __future__ import annotations

import dagster as dg

from assets.archive import GatedConfig, audit_archive, purge_archived_changes, verify_archive
from assets.retention import Mode

archive_write = dg.define_asset_job(
    "archive_write",
    selection=dg.AssetSelection.assets(audit_archive),
    # In process, as every job here: a kill leaves no child behind.
    executor_def=dg.in_process_executor,
    description="Archive UTC days of changes, one partition each. While an open or prepared transaction can add to a "
    "day, it waits, and the log names who keeps it open.",
    tags={"threadline/operation": "audit_archive"},
)


@dg.job(
    executor_def=dg.in_process_executor,
    description="Read the archive back: hashes, counts and digests, and the chain of its manifests.",
    tags={"threadline/operation": "archive_verify"},
)
def archive_verify() -> None:
    """Wire the op; its config is the job's."""
    verify_archive()


@dg.job(
    executor_def=dg.in_process_executor,
    description="Archive what is expired, read it back, and delete only what is the same. A dry run unless the "
    "Launchpad says `mode: execute` and the settings say `retention.enabled = true`.",
    tags={"threadline/operation": "archive_then_purge"},
)
def archive_then_purge() -> None:
    """Wire the op; its config is the job's."""
    purge_archived_changes()


archive_write_nightly = dg.build_schedule_from_partitioned_job(
    archive_write,
    name="archive_write_nightly",
    hour_of_day=0,
    minute_of_hour=30,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Archives the day before at 00:30 UTC once it is switched on.",
)


@dg.schedule(
    job=archive_then_purge,
    cron_schedule="45 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Purges by the archive every night at 02:45 UTC once it is switched on.",
)
def archive_then_purge_nightly() -> dg.RunRequest:
    """Ask for one executed purge."""
    return dg.RunRequest(run_config=dg.RunConfig(ops={purge_archived_changes.name: GatedConfig(mode=Mode.execute)}))


defs = dg.Definitions(
    assets=[audit_archive],
    jobs=[archive_write, archive_verify, archive_then_purge],
    schedules=[archive_write_nightly, archive_then_purge_nightly],
)
