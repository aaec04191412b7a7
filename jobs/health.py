"""The `health_check` job."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.health import health_report
from assets.labels import labelled
from jobs.limits import run_tags

health_check = dg.define_asset_job(
    "health_check",
    selection=dg.AssetSelection.assets(health_report) | dg.AssetSelection.checks_for_assets(health_report),
    executor_def=dg.in_process_executor,
    description=labelled(
        "Look at everything once, and fail the checks of health_report for what somebody must look at. It "
        "changes nothing.",
        "health-check",
    ),
    tags=run_tags("health_check", at_most=timedelta(minutes=30), repeatable=True),
)

defs = dg.Definitions(assets=[health_report], jobs=[health_check])
