"""The `topology_check` and `write_path_probe` jobs."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from assets.labels import labelled
from assets.topology import audited_write_paths, connection_topology
from jobs.limits import run_tags

topology_check = dg.define_asset_job(
    "topology_check",
    selection=dg.AssetSelection.assets(connection_topology),
    # In process: nothing is left behind when the run's process is killed.
    executor_def=dg.in_process_executor,
    description=labelled(
        "Find out what stands before PostgreSQL in every environment, and prove the contract behind it.",
        "topology-check",
    ),
    tags=run_tags("topology_check", at_most=timedelta(hours=2)),
)

write_path_probe = dg.define_asset_job(
    "write_path_probe",
    selection=dg.AssetSelection.assets(audited_write_paths),
    executor_def=dg.in_process_executor,
    description=labelled(
        "Exercise the declared write paths, and check what capture recorded of them.",
        "write-path-probe",
    ),
    tags=run_tags("write_path_probe", at_most=timedelta(hours=2)),
)

defs = dg.Definitions(
    assets=[connection_topology, audited_write_paths],
    jobs=[topology_check, write_path_probe],
)
