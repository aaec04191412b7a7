"""A capturing writer beside a measurement: what an application feels."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
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


@dataclass
class Writer:
    """A process that writes and has warmed up.

    Attributes:
        commits: when each began and ended, by the system's monotonic clock; known once the writer has ended.
    """

    commits: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def beside(self, work: Callable[[], object]) -> Callable[[], float]:
        """Do some work; gives how to learn, once the writer has ended, the p99 of its commits meanwhile, in ms."""
        began = time.monotonic()
        work()
        ended = time.monotonic()

        def p99() -> float:
            took = [(end - start) * 1000 for start, end in self.commits if start < ended and end > began]
            return statistics.quantiles(took, n=100, method="inclusive")[-1]

        return p99


def write(dsn: str, until: Path) -> None:
    """Small captured commits, at most 100 a second, until the file appears; prints "warm", then when each was made."""
    made: list[tuple[float, float]] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not until.exists():
            number, began = len(made), time.monotonic()
            connection.execute("update bookings set note = %s where id = %s", (str(number), number % 1000 + 1))
            made.append((began, time.monotonic()))
            if len(made) == WARM_UP:
                print("warm", flush=True)
            # The first ones have nobody to be gentle to.
            time.sleep(max(0.0, began + 0.01 - time.monotonic()) if len(made) >= WARM_UP else 0)
        row = connection.execute("select count(*) from audit_changes where table_name = 'bookings'").fetchone()
    print(json.dumps({"made": made, "captured": row[0] if row else 0}))


@contextmanager
def writing(dsn: str) -> Generator[Writer]:
    """A writer beside the `with`, warmed up when it begins; every write must have been captured."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table bookings (id bigint primary key, note text)")
        connection.execute("insert into bookings select n, 'x' from generate_series(1, 1000) as n")
    with opened(Settings(dsn=SecretStr(dsn)), "bench") as database:
        list(apply(database, [Table("public", "bookings")]))
    writer = Writer()
    with TemporaryDirectory() as directory:
        until = Path(directory, "stop")
        command = [sys.executable, "-m", "benchmarks.writer", str(until)]
        environment = os.environ | {"BENCH_DSN": dsn}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            try:
                assert child.stdout
                assert child.stdout.readline() == "warm\n", "the writer ended before it was warm"
                yield writer
            finally:
                until.touch()
                last = child.communicate()[0]
    answer = json.loads(last)
    assert answer["captured"] == len(answer["made"]), "a write beside the purge was lost"
    writer.commits.extend(answer["made"])


if __name__ == "__main__":
    write(os.environ["BENCH_DSN"], Path(sys.argv[1]))
