"""A capturing writer beside a measurement: what an application feels."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from pydantic import SecretStr

from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.settings import Settings

#: The first commits pay for connecting and for cold caches.
WARM_UP = 50


def write(dsn: str, until: Path) -> None:
    """Small captured commits, at most 100 a second, until the file appears; prints how long each took, in ms."""
    took: list[float] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not until.exists():
            started = time.perf_counter()
            connection.execute("update bookings set note = %s where id = %s", (str(len(took)), len(took) % 1000 + 1))
            took.append((time.perf_counter() - started) * 1000)
            time.sleep(max(0.0, 0.01 - took[-1] / 1000))
        row = connection.execute("select count(*) from audit_changes where table_name = 'bookings'").fetchone()
    print(json.dumps({"took": took, "captured": row[0] if row else 0}))


@contextmanager
def writing(dsn: str) -> Generator[list[float]]:
    """Milliseconds of each commit beside the `with`, filled at its end; every write must have been captured."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table bookings (id bigint primary key, note text)")
        connection.execute("insert into bookings select n, 'x' from generate_series(1, 1000) as n")
    with opened(Settings(dsn=SecretStr(dsn)), "bench") as database:
        list(apply(database, [Table("public", "bookings")]))
    took: list[float] = []
    with TemporaryDirectory() as directory:
        until = Path(directory, "stop")
        command = [sys.executable, "-m", "benchmarks.writer", str(until)]
        environment = os.environ | {"BENCH_DSN": dsn}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            try:
                yield took
            finally:
                until.touch()
                answer = json.loads(child.communicate()[0])
    assert answer["captured"] == len(answer["took"]), "a write beside the purge was lost"
    took.extend(answer["took"])


def p99(took: list[float]) -> float:
    """The 99th percentile of the commits after the first ones, in ms."""
    return statistics.quantiles(took[WARM_UP:] or took, n=100)[-1]


if __name__ == "__main__":
    write(os.environ["BENCH_DSN"], Path(sys.argv[1]))
