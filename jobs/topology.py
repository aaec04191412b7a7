"""The `topology_check` and `write_path_probe` jobs, and a weekly schedule for the first."""

from __future__ import annotations

import dagster as dg

from assets.topology import audited_write_paths, connection_topology

topology_check = dg.define_asset_job(
    "topology_check",
    selection=dg.AssetSelection.assets(connection_topology),
    # In process: nothing is left behind when the run's process is killed.
    executor_def=dg.in_process_executor,
    description="Find out what stands before PostgreSQL in every environment, and prove the contract behind it.",
    tags={"threadline/operation": "topology_check"},
)

write_path_probe = dg.define_asset_job(
    "write_path_probe",
    selection=dg.AssetSelection.assets(audited_write_paths),
    executor_def=dg.in_process_executor,
    description="Exercise the declared write paths, and check what capture recorded of them.",
    tags={"threadline/operation": "write_path_probe"},
)

topology_check_weekly = dg.ScheduleDefinition(
    name="topology_check_weekly",
    job=topology_check,
    cron_schedule="40 3 * * 1",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Measures every environment on Mondays at 03:40 UTC once it is switched on.",
)

defs = dg.Definitions(
    assets=[connection_topology, audited_write_paths],
    jobs=[topology_check, write_path_probe],
    schedules=[topology_check_weekly],
)
