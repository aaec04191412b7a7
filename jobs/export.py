"""The `audit_export` job."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.export import audit_export, export_audit_changes
from assets.labels import labelled
from jobs.limits import run_tags

export_job = dg.define_asset_job(
    "audit_export",
    selection=dg.AssetSelection.assets(audit_export.key),
    # In process, as every job here: a kill leaves no child behind.
    executor_def=dg.in_process_executor,
    description=labelled(
        "Export the changes that match the filters of the run's config to Parquet, CSV, JSON or NDJSON.",
        "audit-export",
    ),
    tags=run_tags("audit_export", at_most=timedelta(hours=24)),
)

defs = dg.Definitions(assets=[export_audit_changes], jobs=[export_job])
