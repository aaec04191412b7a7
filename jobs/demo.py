"""`make demo`: build the demo's database, purge it through Dagster, and say what happened."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import dagster as dg

from assets.continuity import VerifyConfig, continuity_tables, verify_table
from assets.retention import Mode, PurgeConfig, purge_expired_changes
from jobs.definitions import defs
from threadline_ops import settings as configuration
from threadline_ops.cli import demo
from threadline_ops.cli.console import fail, out
from threadline_ops.database import opened
from threadline_ops.demo.build import DATABASE
from threadline_ops.demo.desk import serving
from threadline_ops.demo.home import STANDBY_JOB, Home, booking_request, served
from threadline_ops.demo.schema import BROWNFIELD, SCHEMA
from threadline_ops.errors import OpsError
from threadline_ops.retention import Policy, Preview, preview
from threadline_ops.settings import PREFIX

_QUIET = {"console": {"config": {"log_level": "ERROR"}}}
#: Whose runs these are, as workspace.yaml calls it: otherwise the UI shows them on no job's page.
_LOCATION = {".dagster/repository": "__repository__@threadline_ops"}


def main() -> int:
    """Run the demo from nothing; the exit status of a command."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--months", type=int, default=1, choices=range(1, 13), metavar="1-12")
    parser.add_argument("--flights", type=int, metavar="N", help="At most so many flights, for a quick look.")
    arguments = parser.parse_args()
    try:
        _demo(arguments.months, arguments.flights)
    except OpsError as error:
        fail(error)
        return 2
    return 0


def _demo(months: int, flights: int | None = None) -> None:
    home = demo.directory()
    started = time.monotonic()
    with served(home) as server:
        out.print("[bold]1. A flight-operations database, audited[/]")
        demo.make(server, months=months, flights=flights)
        _start_fresh(home)
        os.environ.update(home.write_environment(server))
        shutil.copy(Path(__file__).parents[1] / "dagster.yaml", home.dagster)
        with dg.DagsterInstance.get() as instance:
            out.print("\n[bold]2. The retention_purge job, dry: what would go?[/]")
            _show_preview(_run(instance, home, Mode.dry_run))
            out.print("\n[bold]3. The retention_purge job, executed[/]")
            _show_purge(_run(instance, home, Mode.execute), _look())
            out.print("\n[bold]4. What else runs on a schedule[/]")
            _run_the_rest(instance, server.dsn(DATABASE))
            out.print("\n[bold]5. The backlog_render job: what do these runs prove?[/]")
            _show_backlog(instance, home)
            out.print("\n[bold]6. The health_check job: what must somebody look at?[/]")
            _say(instance, "health_check")
            out.print(f"  read it           {home.directory / 'health.html'}")
    out.print(f"\nDone in {time.monotonic() - started:.0f} s. Next:")
    out.print("  [bold]make ui[/]           see these runs in Dagster's web UI")
    out.print("  [bold]make demo-server[/]  start this database again, to try threadline-ops on it")


def _run_the_rest(instance: dg.DagsterInstance, dsn: str) -> None:
    """Examine, probe, export, baseline and verify, each as its job does it."""
    brownfield = [f"{SCHEMA}.{table}" for table in BROWNFIELD]
    instance.add_dynamic_partitions(str(continuity_tables.name), brownfield)
    _say(instance, "coverage_check")
    _say(instance, "topology_check")
    with serving(dsn) as url:
        os.environ[f"{PREFIX}WRITE_PATHS"] = json.dumps([STANDBY_JOB, booking_request(url)])
        _say(instance, "write_path_probe")
    _say(instance, "audit_export")
    for table in brownfield:
        _say(instance, "continuity_backfill", about=table, partition_key=table)
    for table in brownfield:
        config = dg.RunConfig(ops={verify_table.name: VerifyConfig(table=table)}).to_config_dict()
        _say(instance, "continuity_verify", about=table, run_config=config)


def _executed(instance: dg.DagsterInstance, job: str, **asked: Any) -> dg.ExecuteInProcessResult:
    """One run, in this process."""
    config = asked.pop("run_config", {}) | {"loggers": _QUIET}
    return defs.resolve_job_def(job).execute_in_process(
        run_config=config, instance=instance, raise_on_error=False, tags=_LOCATION, **asked
    )


def _say(instance: dg.DagsterInstance, job: str, *, about: str = "", **asked: Any) -> None:
    result = _executed(instance, job, **asked)
    _rows({job: f"{'succeeded' if result.success else 'FAILED'}{f'  {about}' if about else ''}"})


def _show_backlog(instance: dg.DagsterInstance, home: Home) -> None:
    result = _executed(instance, "backlog_render")
    out.print(f"  Dagster run       {result.run_id}  {'succeeded' if result.success else 'FAILED'}")
    rendered = json.loads((home.directory / "backlog.json").read_text(encoding="utf-8"))
    out.print(f"  rows              {', '.join(f'{count} {status}' for status, count in rendered['counts'].items())}")
    for row in rendered["rows"]:
        if row["status"] != "Not run":
            out.print(f"  {row['status']:<17} {row['key']}", markup=False)
    out.print(f"  read it           {home.directory / 'backlog.html'}")


def _start_fresh(home: Home) -> None:
    """The database is new, so what was recorded about the one before would mislead."""
    for directory in (home.evidence, home.dagster):
        shutil.rmtree(directory, ignore_errors=True)


def _run(instance: dg.DagsterInstance, home: Home, mode: Mode) -> dict[str, Any]:
    """Run the job as Dagster would, and return the evidence that it left."""
    config = dg.RunConfig(ops={purge_expired_changes.name: PurgeConfig(mode=mode)}).to_config_dict()
    result = _executed(instance, "retention_purge", run_config=config)
    path = home.evidence / f"{result.run_id}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    out.print(f"  Dagster run       {result.run_id}  {'succeeded' if result.success else 'FAILED'}")
    out.print(f"  evidence          {path}")
    out.print(f"  log               {home.evidence / record['log']['file']}")
    return record


def _show_preview(record: dict[str, Any]) -> None:
    seen = record["figures"]
    _rows(
        {
            "policy": f"keep {record['settings']['retention']['keep_days']} days; cutoff {seen['cutoff'][:19]}Z",
            "expired changes": f"{seen['expired_changes']:,} in {seen['batches']:,} batches",
            "kept changes": f"{seen['kept_changes']:,}",
            "transactions": f"{seen['emptied_transactions']:,} would become empty and go too; "
            f"{seen['straddling_transactions']:,} would lose a part",
        }
    )


def _look() -> Preview:
    """What is in the database now, counted anew: the run's own word is not enough."""
    settings = configuration.load()
    with opened(settings, "demo") as database:
        return preview(database, Policy.from_settings(settings.retention), now=database.now())


def _show_purge(record: dict[str, Any], after: Preview) -> None:
    done = record["figures"]
    rate = done["deleted_changes"] / record["seconds"]
    _rows(
        {
            "deleted": f"{done['deleted_changes']:,} changes, {done['deleted_transactions']:,} transactions",
            "kept": f"{after.kept_changes:,} changes; expired ones left: {done['remaining_changes']:,}",
            "batches": f"{done['batches']:,} in {record['seconds']:.1f} s ({rate:,.0f} changes/s)",
            "outcome": done["outcome"],
        }
    )


def _rows(rows: dict[str, str]) -> None:
    for name, value in rows.items():
        out.print(f"  {name:<18} {value}" if len(name) > 17 else f"  {name:<18}{value}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
