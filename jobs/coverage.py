"""The `coverage_check` job, and the sensor that asks for it when capture drifts."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.coverage import audited_assets, examination, watch
from assets.evaluations import AUDIT_TRAIL, asset_key
from assets.labels import labelled, labelled_plainly
from assets.resources import Operations
from jobs.limits import run_tags
from threadline_ops import settings as configuration
from threadline_ops.coverage import expected_tables
from threadline_ops.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    """The definitions for the tables that these settings expect.

    Tables are read when the code location loads; reload it after changing coverage.expected_tables.
    """
    keys = [*map(asset_key, sorted(expected_tables(settings))), AUDIT_TRAIL]
    coverage_check = dg.define_asset_job(
        "coverage_check",
        selection=dg.AssetSelection.checks_for_assets(*keys),
        executor_def=dg.in_process_executor,
        description=labelled(
            "Examines the audited database and evaluates every coverage check. It changes nothing: live "
            "probes are rolled back.",
            "coverage-check",
        ),
        tags=run_tags("coverage_check", at_most=timedelta(hours=1), repeatable=True),
    )

    @dg.sensor(
        job=coverage_check,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=labelled_plainly(
            "Looks at the catalog every minute. When it or the settings changed, says so on the assets and "
            "asks for coverage_check; otherwise repeats itself once an hour.",
            "coverage-check",
        ),
    )
    def coverage_sensor(context: dg.SensorEvaluationContext, operations: Operations) -> dg.SensorResult:
        current = operations.settings()
        if current.dsn is None:
            return dg.SensorResult(skip_reason="THREADLINE_OPS_DSN is not set", cursor=context.cursor)
        seen = watch(current, context.cursor)
        # One run a change, even if the daemon dies between asking and keeping the cursor.
        requests = [] if seen.drift is None else [dg.RunRequest(run_key=f"coverage-drift-{seen.drift}")]
        return dg.SensorResult(run_requests=requests, asset_events=list(seen.events), cursor=seen.cursor)

    return dg.Definitions(
        assets=audited_assets(settings),
        asset_checks=[examination(settings)],
        jobs=[coverage_check],
        sensors=[coverage_sensor],
    )


defs = build(configuration.load())
