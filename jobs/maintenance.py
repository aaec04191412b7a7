"""The `dagster_maintenance` job."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.labels import labelled
from assets.maintenance import prune_dagster_runs
from jobs.limits import run_tags


@dg.job(
    executor_def=dg.in_process_executor,
    description=labelled(
        "Remove old runs from Dagster's storage, but only those whose evidence is stored. A dry run unless its "
        "config says `mode: execute`.",
        "dagster-maintenance",
    ),
    tags=run_tags("dagster_maintenance", at_most=timedelta(hours=6)),
)
def dagster_maintenance() -> None:
    """Wire the op; its config is the job's."""
    prune_dagster_runs()


defs = dg.Definitions(jobs=[dagster_maintenance])
