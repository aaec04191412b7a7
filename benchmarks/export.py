"""Export of everything: ours against raw COPY to the null device, and against readers that people reach for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import create_engine

from benchmarks.cases import Case, figure, interleaved, not_measured, ratio
from benchmarks.ground import Ground, statement
from threadline_ops.database import opened
from threadline_ops.embedded import binaries
from threadline_ops.export import Filters, documents
from threadline_ops.export.document import stream
from threadline_ops.settings import PREFIX

#: In a process of its own, so that its peak memory is its own; importing is part of the time.
EXPORT = """
import sys
from threadline_ops import settings
from threadline_ops.export import Filters, export_parquet
for _ in export_parquet(settings.load(), Filters(), sys.argv[1]):
    pass
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Every export case; nothing is written to the database, so all read the templates themselves."""
    peaks: list[float] = []
    peers = {"pandas.read_sql chunks": _pandas, "psycopg server cursor": _cursor}
    trials: dict[str, Callable[[], float]] = {
        "ours": lambda: _ours(ground, "full", peaks),
        "copy": lambda: _copies(ground, 1),
        "copies": lambda: _copies(ground, 2),
    }
    measured = interleaved(trials, repeats)
    # Peers are slow enough at a tenth of the size.
    small = {"ours": lambda: _ours(ground, "tenth", [])} | {
        name: lambda peer=peer: _timed(lambda: peer(ground, "tenth")) for name, peer in peers.items()
    }
    against = interleaved(small, repeats)
    fastest = min(peers, key=lambda name: median(against[name]))
    return [
        ratio("export.vs_copy", measured["ours"], measured["copy"], goal=0.70, better="lower"),
        ratio("export.vs_two_copies", measured["ours"], measured["copies"], goal=1.20, better="lower"),
        ratio(
            "export.vs_fastest_peer", against["ours"], against[fastest], goal=1.0, better="lower",
            note=f"{fastest}, at a tenth of the size; also "
            + ", ".join(f"{name} {median(against[name]):.1f} s" for name in peers if name != fastest),
        ),
        _peak(peaks),
        figure(
            "export.last_1000_ms", [_last(ground) for _ in range(max(repeats, 5))], "ms", goal=50,
            note="the newest 1,000 changes of one table as JSON, on an open connection",
        ),
    ]  # fmt: skip


def _peak(peaks: list[float]) -> Case:
    if not Path("/proc/self/status").exists():
        return not_measured("export.peak_mb", "MB", goal=300, better="lower", why="needs /proc")
    return figure("export.peak_mb", peaks, "MB", goal=300, note="resident memory of the exporting process")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _ours(ground: Ground, database: str, peaks: list[float]) -> float:
    target = ground.directory / "export"
    environment = os.environ | {f"{PREFIX}DSN": ground.server.dsn(database)}
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", EXPORT, str(target)], env=environment, check=True, capture_output=True, text=True
    )
    seconds = time.perf_counter() - started
    peaks.append(int(done.stdout) / 1024)
    shutil.rmtree(target)
    return seconds


def _copies(ground: Ground, connections: int) -> float:
    """COPY BINARY of the join to the null device, over one connection or by halves over two."""
    middle = ground.cutoff.isoformat()
    halves = [""] if connections == 1 else [f"where c.captured_at < '{middle}'", f"where c.captured_at >= '{middle}'"]
    query = statement("joined").decode()
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [
                binaries.directory() / "psql", ground.server.dsn("full"), "--quiet", "--no-psqlrc",
                "--command", f"copy ({query} {half}) to stdout (format binary)",
            ],
            stdout=subprocess.DEVNULL,
        )
        for half in halves
    ]  # fmt: skip
    assert [process.wait() for process in running] == [0] * len(halves)
    return time.perf_counter() - started


def _pandas(ground: Ground, database: str) -> None:
    engine = create_engine(ground.server.dsn(database).replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect().execution_options(stream_results=True) as connection:
        writer = None
        for chunk in pd.read_sql(statement("joined").decode().replace("%", "%%"), connection, chunksize=20_000):
            plain = chunk.astype({name: str for name in chunk.columns if chunk[name].dtype == object})
            table = pa.Table.from_pandas(plain, schema=writer.schema if writer else None, preserve_index=False)
            writer = writer or pq.ParquetWriter(ground.directory / "pandas.parquet", table.schema, compression="zstd")
            writer.write_table(table)
        assert writer
        writer.close()
    engine.dispose()


def _cursor(ground: Ground, database: str) -> None:
    with psycopg.connect(ground.server.dsn(database)) as connection, connection.cursor("peer") as cursor:
        cursor.itersize = 20_000
        cursor.execute(statement("joined"))
        names = [column.name for column in cursor.description or ()]
        writer = None
        while rows := cursor.fetchmany(20_000):
            texts = [[None if value is None else str(value) for value in column] for column in zip(*rows, strict=True)]
            table = pa.table({name: pa.array(text, pa.string()) for name, text in zip(names, texts, strict=True)})
            writer = writer or pq.ParquetWriter(ground.directory / "cursor.parquet", table.schema, compression="zstd")
            writer.write_table(table)
        assert writer
        writer.close()


def _last(ground: Ground) -> float:
    """Milliseconds for the newest 1,000 changes that match a filter, rendered."""
    with opened(ground.settings("full"), "bench") as database:
        started = time.perf_counter()
        with database.transaction(read_only=True, snapshot=True):
            changes = stream(database, Filters(table="table_7"), limit=1_000)
            document = b"".join(documents.render("json", changes, generated_at=datetime.now(UTC)))
        assert document.count(b'"transaction_id"') == 1_000
        return (time.perf_counter() - started) * 1000
