"""How long one look at the coverage of many tables takes: python -m benchmarks.coverage_bench --tables 2000.

Prints medians in milliseconds, wall and the client's CPU: of the catalog statement alone, of reading it into
objects, and of the whole inventory with its comparison. Half of the tables use the default function, half have one
of their own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from pydantic import SecretStr

from threadline_ops import embedded
from threadline_ops.capture.install import install
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.coverage import catalog
from threadline_ops.coverage.inventory import compare, inventory
from threadline_ops.database import Database, opened
from threadline_ops.progress import drive
from threadline_ops.settings import CaptureSettings, CaptureTable, CoverageSettings, Settings

MASKED = CaptureTable(mask=("email",), store_changed_from=True)


def settings_for(dsn: str, tables: int) -> Settings:
    """All tables are expected, every second one is redacted."""
    names = [f"public.table_{number}" for number in range(tables)]
    return Settings(
        dsn=SecretStr(dsn),
        capture=CaptureSettings(tables=dict.fromkeys(names[::2], MASKED)),
        coverage=CoverageSettings(expected_tables=tuple(names)),
    )


def build(database: Database, settings: Settings, tables: int) -> None:
    """Make the tables and capture them as the settings say."""
    install(database)
    connection = database.connection
    for number in range(tables):
        connection.execute(
            f"create table table_{number} (id bigint primary key, email text, name text, total numeric, at date)"
        )
    redacted = [Table("public", f"table_{number}") for number in range(0, tables, 2)]
    plain = [Table("public", f"table_{number}") for number in range(1, tables, 2)]
    # One of each kind as capture makes it; the rest by hand, because planning one table looks at all.
    drive(apply(database, [redacted[0], plain[0]], settings.capture), lambda _: None)
    for kind in (redacted, plain):
        copy(database, kind[0], kind[1:])
    connection.execute("analyze")


def copy(database: Database, model: Table, tables: list[Table]) -> None:
    """Give every table what the first one got."""
    rows = database.connection.execute(
        "select pg_get_triggerdef(t.oid), pg_get_functiondef(t.tgfoid), p.proname from pg_trigger as t"
        " join pg_proc as p on p.oid = t.tgfoid where t.tgrelid = %s::regclass",
        (model.name,),
    ).fetchall()
    for table in tables:
        for trigger, function, name in rows:
            if name.endswith(model.name):
                own = name.replace(model.name, table.name)
                database.connection.execute(function.replace(name, own))
                database.connection.execute(f"revoke execute on function {own}() from public")
            database.connection.execute(trigger.replace(model.name, table.name))


def timed(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median wall and client CPU time of some rounds, in milliseconds; one round before them warms up."""
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(rounds + 1):
        started, worked = time.perf_counter(), time.process_time()
        work()
        wall.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - worked) * 1000)
    return statistics.median(wall[1:]), statistics.median(cpu[1:])


def main() -> None:
    """Build, make sure that all is healthy, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    with embedded.temporary() as server:
        settings = settings_for(server.dsn(), given.tables)
        with opened(settings, "benchmark") as database:
            build(database, settings, given.tables)
            parameters = {"schemas": ["public"], "audit_schema": "public"}

            def statement() -> object:
                with database.transaction(read_only=True):
                    return database.one("coverage/catalog", parameters)

            def read() -> catalog.Catalog:
                with database.transaction(read_only=True):
                    return catalog.read(database, ["public"])

            there = read()
            seen = compare(there, settings)
            assert not seen.violations, seen.violations[0]
            assert not seen.all_findings, seen.all_findings[0]
            for name, work in (
                ("catalog statement", statement),
                ("statement and objects", read),
                ("comparison alone", lambda: compare(there, settings)),
                ("whole inventory", lambda: inventory(database, settings)),
            ):
                wall, cpu = timed(work, given.rounds)
                print(f"{name:<24} {wall:8.1f} ms wall, {cpu:8.1f} ms of it client CPU, {given.tables} tables")


if __name__ == "__main__":
    main()
