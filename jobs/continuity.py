"""The `continuity_backfill` and `continuity_verify` jobs, and the sensor that watches for gaps."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.continuity import (
    VerifyConfig,
    continuity_baseline,
    continuity_tables,
    observe_completeness,
    verify_table,
)
from assets.failures import failures
from assets.labels import labelled, labelled_plainly
from assets.resources import Operations
from jobs.limits import run_tags

continuity_backfill = dg.define_asset_job(
    "continuity_backfill",
    selection=dg.AssetSelection.assets(continuity_baseline),
    executor_def=dg.in_process_executor,
    description=labelled(
        "Take the baseline of tables, one partition each. Copies rows to the archive store and writes "
        "nothing into audit_changes; a run that was stopped goes on where it ended.",
        "continuity-backfill",
    ),
    tags=run_tags("continuity_baseline", at_most=timedelta(hours=48)),
)


@dg.job(
    executor_def=dg.in_process_executor,
    description=labelled(
        "Verify that baseline and captured changes make the live rows of one table, and nothing slipped past.",
        "continuity-verify",
    ),
    tags=run_tags("continuity_verify", at_most=timedelta(hours=24)),
)
def continuity_verify() -> None:
    """Wire the op; its config is the job's."""
    verify_table()


@dg.sensor(
    # By name: Dagster 1.13 warns of its own beta parameter when it re-binds a sensor's job object.
    job_name=continuity_verify.name,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description=labelled_plainly(
        "Compares what statistics count with what capture recorded, as an estimate that plots on "
        "continuity_baseline, and asks for a verification of a table whose surplus lasts. Keeps the partitions in step "
        "with the captured tables.",
        "continuity-verify",
    ),
)
def continuity_sensor(context: dg.SensorEvaluationContext, operations: Operations) -> dg.SensorResult:
    """One reading of every table."""
    with failures():
        observations, tables, suspects, cursor = observe_completeness(operations.settings(), context.cursor)
    missing = sorted(set(tables) - set(continuity_tables.get_partition_keys(dynamic_partitions_store=context.instance)))
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_config=dg.RunConfig(ops={verify_table.name: VerifyConfig(table=name)}))
            for name in suspects
        ],
        asset_events=observations,
        dynamic_partitions_requests=[continuity_tables.build_add_request(missing)] if missing else [],
        cursor=cursor,
    )


defs = dg.Definitions(
    assets=[continuity_baseline], jobs=[continuity_backfill, continuity_verify], sensors=[continuity_sensor]
)
