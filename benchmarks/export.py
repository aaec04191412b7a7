"""Export of everything: ours against raw COPY to the null device, and against readers that people reach for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.cases import Case, figure, interleaved, not_measured, ratio
from benchmarks.ground import Ground, statement
from benchmarks.profile import Profile, profiled
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


#: How many times longer each peer may take at least, and whether it is slow enough for a tenth of the size.
PEERS = {
    "duckdb": (1.1, "full"),
    "adbc": (1.5, "full"),
    "connectorx": (2.2, "full"),
    "polars": (2.0, "full"),
    "pandas": (15, "tenth"),
}


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Every export case; nothing is written to the database, so all read the templates themselves."""
    peaks: list[float] = []
    failed: dict[str, str] = {}
    trials: dict[str, Callable[[], float]] = {
        "ours": lambda: _ours(ground, "full", peaks),
        "ours, tenth": lambda: _ours(ground, "tenth", []),
        "copy": lambda: _copies(ground, 1),
        "copies": lambda: _copies(ground, 2),
    } | {name: partial(_peer, ground, name, template, failed) for name, (_, template) in PEERS.items()}
    measured = interleaved(trials, repeats)
    return [
        ratio("export.vs_copy", measured["ours"], measured["copy"], goal=0.70, better="lower"),
        ratio("export.vs_copy_2", measured["ours"], measured["copies"], goal=1.20, better="lower"),
        *(_against(name, measured, failed) for name in PEERS),
        _peak(peaks),
        figure(
            "export.last_1000_ms", [_last(ground) for _ in range(max(repeats, 5))], "ms", goal=50,
            note="the newest 1,000 changes of one table as JSON, on an open connection",
        ),
    ]  # fmt: skip


def profiles(ground: Ground) -> list[Profile]:
    """Who works for an export, and for COPY."""
    runs = {
        "COPY": lambda: _copies(ground, 1),
        "COPY, two connections": lambda: _copies(ground, 2),
        "export": lambda: _ours(ground, "full", []),
    }
    return [profiled(name, ground.server.pid, work) for name, work in runs.items()]


def _against(name: str, measured: dict[str, list[float]], failed: dict[str, str]) -> Case:
    goal, template = PEERS[name]
    if name in failed:
        return not_measured(f"export.vs_{name}", "x", goal=goal, better="higher", why=failed[name])
    ours = measured["ours" if template == "full" else "ours, tenth"]
    note = "at a tenth of the size" if template == "tenth" else ""
    return ratio(f"export.vs_{name}", measured[name], ours, goal=goal, better="higher", note=note)


def _peer(ground: Ground, name: str, template: str, failed: dict[str, str]) -> float:
    """Seconds of a peer's process, importing included as for ours; what it wrote must be whole."""
    target = ground.directory / f"{name}.parquet"
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peers", name, ground.server.dsn(template), str(target)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it failed without a word"])[-1]
        failed[name] = re.sub(r" ?\(?/\S+", "", last)  # no path of this machine
    else:
        rows = pq.ParquetFile(target).metadata.num_rows
        if rows != ground.changes(template):
            failed[name] = f"it wrote {rows} rows of {ground.changes(template)}"
    target.unlink(missing_ok=True)
    return seconds


def _peak(peaks: list[float]) -> Case:
    if not Path("/proc/self/status").exists():
        return not_measured("export.peak_rss_mb", "MB", goal=300, better="lower", why="needs /proc")
    return figure("export.peak_rss_mb", peaks, "MB", goal=300, note="resident memory of the exporting process")


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


def _last(ground: Ground) -> float:
    """Milliseconds for the newest 1,000 changes that match a filter, rendered."""
    with opened(ground.settings("full"), "bench") as database:
        started = time.perf_counter()
        with database.transaction(read_only=True, snapshot=True):
            changes = stream(database, Filters(table="table_7"), limit=1_000)
            document = b"".join(documents.render("json", changes, generated_at=datetime.now(UTC)))
        assert document.count(b'"transaction_id"') == 1_000
        return (time.perf_counter() - started) * 1000
