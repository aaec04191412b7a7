"""The `audit_export` job."""

from __future__ import annotations

import dagster as dg

from assets.export import audit_export, export_audit_changes

export_job = dg.define_asset_job(
    "audit_export",
    selection=dg.AssetSelection.assets(audit_export.key),
    # In process, as every job here: a kill leaves no child behind.
    executor_def=dg.in_process_executor,
    description="Export the changes that match the filters of the run's config to Parquet, CSV, JSON or NDJSON.",
    tags={"threadline/operation": "audit_export"},
)

defs = dg.Definitions(assets=[export_audit_changes], jobs=[export_job])
