"""Export of everything: ours against raw COPY to the null device, and against readers that people reach for."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime

import pyarrow.parquet as pq

from benchmarks.cases import Case, figure, interleaved, not_measured, ratio
from benchmarks.effort import Effort
from benchmarks.ground import Ground, statement
from benchmarks.profile import Profile, profiled
from benchmarks.readers import Export, ReaderError, from_start, kept
from threadline_ops.database import opened
from threadline_ops.embedded import binaries
from threadline_ops.export import Filters, documents
from threadline_ops.export.document import stream

#: How many times longer each peer must take at least.
PEERS = {"duckdb": 1.1, "adbc": 1.5, "connectorx": 2.2, "polars": 2.0, "pandas": 15}
#: The one that takes minutes: measured less often, and by a short run on less.
SLOWEST = "pandas"

#: Why a quick run clocks its readers otherwise; its ratios are others than a full run's.
WARM = "**processes started and warmed up before, which at this size would be most of the time**"


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Every export case; nothing is written to the database, so all read the templates themselves."""
    peaks: list[float | None] = []
    failed: dict[str, str] = {}
    history, note = _read(ground, effort)

    def ours(template: str, peaks: list[float | None]) -> Callable[[], float]:
        return lambda: _ours(ground, export, template, peaks)

    def peer(name: str, template: str) -> Callable[[], float]:
        return lambda: _peer(ground, export, name, template, failed)

    with kept(ground.server.dsn("tenth")) if effort.kept_readers else nullcontext(from_start) as export:
        limits = {"copy": lambda: _copies(ground, history, 1), "copies": lambda: _copies(ground, history, 2)}
        peers = {name: peer(name, history) for name in PEERS if name != SLOWEST}
        measured = interleaved({"ours": ours(history, peaks)} | limits | peers, effort.decisive)
        slowest = {"beside": ours(effort.slowest_reads, []), SLOWEST: peer(SLOWEST, effort.slowest_reads)}
        measured |= interleaved(slowest, effort.repeats)
    return [
        ratio("export.vs_copy", measured["ours"], measured["copy"], goal=0.70, better="lower", note=note),
        ratio("export.vs_copy_2", measured["ours"], measured["copies"], goal=1.20, better="lower", note=note),
        *(_against(name, measured, failed, note) for name in PEERS),
        _peak(peaks),
        figure(
            "export.last_1000_ms", [_last(ground) for _ in range(effort.often)], "ms", goal=50,
            note="the newest 1,000 changes of one table as JSON, on an open connection",
        ),
    ]  # fmt: skip


def profiles(ground: Ground) -> list[Profile]:
    """Who works for an export, and for COPY."""
    runs = {
        "COPY": lambda: _copies(ground, "full", 1),
        "COPY, two connections": lambda: _copies(ground, "full", 2),
        "export": lambda: _ours(ground, from_start, "full", []),
    }
    return [profiled(name, ground.server.pid, work) for name, work in runs.items()]


def _read(ground: Ground, effort: Effort) -> tuple[str, str]:
    """The template that exports read, and what is to be told of it."""
    note = WARM if effort.kept_readers else ""
    if effort.read == effort.transactions:
        return "full", note
    ground.generate("read", effort.read)
    return "read", f"**{ground.changes('read'):,} changes**; {note}"


def _against(name: str, measured: dict[str, list[float]], failed: dict[str, str], note: str) -> Case:
    goal = PEERS[name]
    if name in failed:
        return not_measured(f"export.vs_{name}", "x", goal=goal, better="higher", why=failed[name])
    if name == SLOWEST and note:
        note = f"at a tenth of the size; {WARM}"
    ours = measured["beside" if name == SLOWEST else "ours"]
    return ratio(f"export.vs_{name}", measured[name], ours, goal=goal, better="higher", note=note)


def _peer(ground: Ground, export: Export, name: str, template: str, failed: dict[str, str]) -> float:
    """Seconds of a peer's export; what it wrote must be whole."""
    target = ground.directory / f"{name}.parquet"
    try:
        taken, _ = export(name, ground.server.dsn(template), target)
    except ReaderError as error:
        failed[name] = str(error)
        return 0.0
    rows = pq.ParquetFile(target).metadata.num_rows
    target.unlink()
    if rows != ground.changes(template):
        failed[name] = f"it wrote {rows} rows of {ground.changes(template)}"
    return taken


def _ours(ground: Ground, export: Export, template: str, peaks: list[float | None]) -> float:
    target = ground.directory / "export"
    taken, peak = export("ours", ground.server.dsn(template), target)
    peaks.append(peak)
    shutil.rmtree(target)
    return taken


def _peak(peaks: list[float | None]) -> Case:
    known = [peak for peak in peaks if peak is not None]
    if not known:
        return not_measured("export.peak_rss_mb", "MB", goal=300, better="lower", why="needs /proc")
    return figure("export.peak_rss_mb", known, "MB", goal=300, note="resident memory of the exporting process")


def _copies(ground: Ground, template: str, connections: int) -> float:
    """COPY BINARY of the join to the null device, over one connection or by halves over two."""
    middle = ground.cutoff.isoformat()
    halves = [""] if connections == 1 else [f"where c.captured_at < '{middle}'", f"where c.captured_at >= '{middle}'"]
    query = statement("joined").decode()
    started = time.perf_counter()
    running = [
        subprocess.Popen(
            [
                binaries.directory() / "psql", ground.server.dsn(template), "--quiet", "--no-psqlrc",
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
