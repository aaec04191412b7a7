"""What a command and a Dagster run cost before they do anything."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
from psycopg import sql

from assets.retention import Mode, PurgeConfig, purge_expired_changes
from benchmarks.cases import Case, figure, interleaved, seconds
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from jobs.definitions import defs
from threadline_ops.capture.install import install
from threadline_ops.database import opened
from threadline_ops.settings import PREFIX


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Every start-up case."""
    ground.admin(sql.SQL("create database nothing"))
    settings = ground.settings("nothing")
    with opened(settings, "bench") as database:
        install(database)
    os.environ |= {
        f"{PREFIX}DSN": ground.server.dsn("nothing"),
        f"{PREFIX}RETENTION__ENABLED": "true",
        f"{PREFIX}RETENTION__KEEP_DAYS": "90",
        f"{PREFIX}EVIDENCE__DIRECTORY": str(settings.evidence.directory),
    }
    job = defs.resolve_job_def("retention_purge")
    config = dg.RunConfig(
        ops={purge_expired_changes.name: PurgeConfig(mode=Mode.execute)},
        loggers={"console": {"config": {"log_level": "ERROR"}}},
    )

    def run() -> None:
        assert job.execute_in_process(run_config=config).success

    def help_() -> None:
        subprocess.run([sys.executable, "-m", "threadline_ops", "--help"], check=True, stdout=subprocess.DEVNULL)

    run()
    measured = interleaved({"run": lambda: seconds(run), "help": lambda: seconds(help_) * 1000}, effort.often)
    return [
        figure("run.overhead_s", measured["run"], "s", goal=0.5, note="a purge of nothing, in process"),
        figure("cli.start_ms", measured["help"], "ms", goal=300, note="threadline-ops --help"),
    ]
