"""A baseline against COPY BINARY to the null device, and a verification against a scan that renders each row."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from uuid import uuid4

from psycopg import sql
from pydantic import SecretStr

from benchmarks.cases import Case, interleaved, ratio, seconds
from benchmarks.effort import Effort
from benchmarks.ground import Ground, statement
from benchmarks.profile import Profile, profiled
from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.continuity import store, take, verify
from threadline_ops.database import opened
from threadline_ops.embedded import binaries
from threadline_ops.progress import drive
from threadline_ops.settings import Settings

DATABASE, TABLE = "brownfield", "public.orders"


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Every continuity case."""
    settings = _prepared(ground, effort.rows)
    kept = ground.directory / "baseline"
    _taken(settings, kept, keep=True)
    _change_a_tenth(settings)
    trials: dict[str, Callable[[], float]] = {
        "baseline": lambda: _taken(settings, ground.directory / "again"),
        "copy": lambda: _copied(ground),
        "verify": lambda: _verified(settings, kept, effort.rows),
        "scan": lambda: _scanned(settings),
    }
    measured = interleaved(trials, effort.repeats)
    return [
        ratio(
            "baseline.vs_copy", measured["baseline"], measured["copy"], goal=1.5, better="lower",
            note=f"{effort.rows:,} rows in key order to durable Parquet, at full speed; COPY BINARY of the table by "
            "psql to the null device",
        ),
        ratio(
            "verify.vs_scan", measured["verify"], measured["scan"], goal=5.0, better="lower",
            note=f"a tenth of {effort.rows:,} rows changed since the baseline; the scan is count(to_jsonb(t)), "
            "with the parallel workers that the server gives it",
        ),
    ]  # fmt: skip


def profiles(ground: Ground) -> list[Profile]:
    """Where the time of a baseline goes, and who works for COPY; on the table that `cases` made."""
    settings = ground.settings(DATABASE)
    again = ground.directory / "profiled"
    return [
        profiled("COPY of the table", ground.server.pid, lambda: _copied(ground)),
        profiled("baseline", ground.server.pid, lambda: _taken(settings, again)),
    ]


def _prepared(ground: Ground, rows: int) -> Settings:
    ground.admin(sql.SQL("create database {}").format(sql.Identifier(DATABASE)))
    settings = ground.settings(DATABASE)
    with opened(settings, "bench") as database:
        install(database)
        database.connection.execute(statement("brownfield"), {"rows": rows})
        database.connection.execute("alter table orders add primary key (id)")
        list(apply(database, [Table("public", "orders")]))
        database.connection.execute("vacuum (freeze, analyze)")
    return settings


def _change_a_tenth(settings: Settings) -> None:
    with opened(settings, "bench") as database:
        database.connection.execute("update orders set note = note || '!' where id % 10 = 0")
        database.connection.execute("vacuum (analyze)")


def _at(settings: Settings, place: object) -> Settings:
    return settings.model_copy(update={"archive_uri": SecretStr(str(place))})


def _taken(settings: Settings, place: object, *, keep: bool = False) -> float:
    there = _at(settings, place)

    def write() -> None:
        with opened(there, "bench") as database:
            work = take(database, store(there), TABLE, capture=there.capture, limits=there.continuity)
            drive(work, lambda _: None)

    taken = seconds(write)
    if not keep:
        shutil.rmtree(str(place))
    return taken


def _copied(ground: Ground) -> float:
    command = [
        binaries.directory() / "psql", ground.server.dsn(DATABASE), "--quiet", "--no-psqlrc",
        "--command", "copy orders to stdout (format binary)",
    ]  # fmt: skip
    return seconds(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True))


def _verified(settings: Settings, place: object, rows: int) -> float:
    there = _at(settings, place)

    def check() -> None:
        with opened(there, "bench") as database:
            work = verify(
                database, store(there), TABLE, run_id=str(uuid4()), capture=there.capture, limits=there.continuity
            )
            result = drive(work, lambda _: None)
        assert (result.rows, result.gaps, result.counts["unknown"]) == (rows, 0, 0)

    return seconds(check)


def _scanned(settings: Settings) -> float:
    with opened(settings, "bench") as database:
        return seconds(lambda: database.connection.execute("select count(to_jsonb(t)) from orders as t"))
