"""The `retention_purge` job."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.labels import labelled
from assets.retention import audit_changes, purge_expired_changes
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


defs = dg.Definitions(assets=[audit_changes], jobs=[retention_purge])
