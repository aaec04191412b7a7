"""Purge of the oldest half: ours against Threadline's algorithm and against one giant DELETE."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median

import psycopg

from benchmarks.cases import Case, interleaved, ratio
from benchmarks.ground import Ground, statement
from benchmarks.profile import Profile, profiled
from benchmarks.writer import p99, writing
from threadline_ops.retention import PurgeRequest, run_purge

#: Threadline's algorithm would run for hours at full size: it is stopped after this many seconds (at full size and
#: below) and extrapolated from its rate so far, which favours it, because it gets slower as it goes.
PATIENCE = 20.0, 1.5
#: At full speed no statement of this size takes longer than about 100 ms.
BATCH = 5_000
#: Seconds of a writer alone, at full size and below.
IDLE = 8.0, 3.0


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Every purge case."""
    full_speed = PurgeRequest(execute=True, cutoff=ground.cutoff, batch_size=BATCH, full_speed=True)
    two_workers = replace(full_speed, workers=2)

    measured = interleaved(
        {
            "ours": ground.trial("full", lambda name: _purge(ground, name, full_speed)),
            "two": ground.trial("full", lambda name: _purge(ground, name, two_workers)),
            "single": ground.trial("full", lambda name: _single(ground, name)),
            "tenth": ground.trial("tenth", lambda name: _purge(ground, name, full_speed)),
            "threadline": lambda: _threadline(ground),
        },
        repeats,
    )
    expired = _expired(ground)
    rates = [expired / seconds for seconds in measured["ours"]]
    return [
        ratio(
            "purge.vs_threadline",
            measured["threadline"],
            measured["ours"],
            goal=150,
            better="higher",
            note=f"Threadline's stopped after {_at(ground, PATIENCE):.0f} s and extrapolated; it slows down with size; "
            f"ours at {median(rates):,.0f} changes/s",
        ),
        ratio("purge.vs_single_delete", measured["ours"], measured["single"], goal=1.15, better="lower"),
        ratio("purge.vs_single_delete_2_workers", measured["two"], measured["single"], goal=0.65, better="lower"),
        ratio(
            "purge.flatness",
            [seconds / 10 for seconds in measured["ours"]],
            measured["tenth"],
            goal=1.3,
            better="lower",
            note="seconds per change, at full size over at a tenth",
        ),
        *_gentle(ground, repeats, median(measured["threadline"])),
        *_partitioned(ground, repeats),
    ]


def profiles(ground: Ground) -> list[Profile]:
    """Where the time of a purge goes, and of the one DELETE."""
    full_speed = PurgeRequest(execute=True, cutoff=ground.cutoff, batch_size=BATCH, full_speed=True)
    runs = {
        "one DELETE": lambda name: _single(ground, name),
        "purge": lambda name: _purge(ground, name, full_speed),
        "purge, two workers": lambda name: _purge(ground, name, replace(full_speed, workers=2)),
        "purge, gentle": lambda name: _purge(ground, name, PurgeRequest(execute=True, cutoff=ground.cutoff)),
    }
    found: list[Profile] = []
    for label, work in runs.items():
        with ground.copy("full") as name:
            found.append(profiled(label, ground.server.pid, partial(work, name)))
    return found


def _single(ground: Ground, database: str) -> None:
    with psycopg.connect(ground.server.dsn(database), autocommit=True) as connection:
        connection.execute(statement("single_delete_changes"), {"cutoff": ground.cutoff})
        connection.execute(statement("single_delete_transactions"))


def _partitioned(ground: Ground, repeats: int) -> list[Case]:
    """Whole partitions against one DELETE of the same changes, and both with the transactions that this empties."""
    ground.partition("partitioned", "full")
    request = PurgeRequest(execute=True, cutoff=ground.cutoff, batch_size=BATCH, full_speed=True)

    def drop(database: str) -> None:
        _purge(ground, database, request, delete_empty_transactions=False)

    def delete(*statements: str) -> Callable[[str], None]:
        def work(database: str) -> None:
            with psycopg.connect(ground.server.dsn(database), autocommit=True) as connection:
                for name in statements:
                    connection.execute(statement(name), {"cutoff": ground.cutoff})

        return work

    measured = interleaved(
        {
            "changes": ground.trial(
                "partitioned", lambda n: _purge(ground, n, request, delete_empty_transactions=False)
            ),
            "delete": ground.trial("full", delete("single_delete_changes")),
            "both": ground.trial("partitioned", lambda n: _purge(ground, n, request)),
            "deletes": ground.trial("full", delete("single_delete_changes", "single_delete_transactions")),
        },
        repeats,
    )
    return [
        ratio(
            "purge.partitioned", measured["changes"], measured["delete"], goal=0.15, better="lower",
            note="changes alone: two partitions of 30 days counted, hashed and dropped, over one DELETE of the same",
        ),
        ratio(
            "purge.partitioned_with_transactions", measured["both"], measured["deletes"], goal=1.0, better="lower",
            note="with the transactions that this empties, row by row either way, each looking into every partition",
        ),
    ]  # fmt: skip


def _gentle(ground: Ground, repeats: int, threadline: float) -> list[Case]:
    """What a capturing writer feels of nothing, of the default and of full speed, as its p99."""
    default = PurgeRequest(execute=True, cutoff=ground.cutoff)
    full_speed = PurgeRequest(execute=True, cutoff=ground.cutoff, batch_size=BATCH, full_speed=True)
    idle: list[float] = []
    gentle: list[tuple[float, float]] = []
    fast: list[tuple[float, float]] = []
    for _ in range(repeats):
        idle.append(_beside(ground, lambda _: time.sleep(_at(ground, IDLE)))[0])
        gentle.append(_beside(ground, lambda name: _purge(ground, name, default)))
        fast.append(_beside(ground, lambda name: _purge(ground, name, full_speed)))
    beside = "p99 of a capturing writer's commits, during over idle"
    latencies = [latency for latency, _ in gentle]
    seconds = [taken for _, taken in gentle]
    return [
        ratio("purge.capture_p99", latencies, idle, goal=1.5, better="lower", note=beside),
        ratio("purge.vs_threadline_gentle", [threadline], seconds, goal=60, better="higher", note="beside a writer"),
        ratio(
            "purge.capture_p99_full_speed", [p for p, _ in fast], idle, goal=3, better="lower",
            note=f"{beside}; for information",
        ),
    ]  # fmt: skip


def _at(ground: Ground, seconds: tuple[float, float]) -> float:
    return seconds[0] if ground.full_size else seconds[1]


def _purge(ground: Ground, name: str, request: PurgeRequest, **retention: object) -> None:
    result = run_purge(ground.settings(name, **retention), request).result
    assert result is not None
    assert result.outcome == "complete", result


def _beside(ground: Ground, work: Callable[[str], None]) -> tuple[float, float]:
    """A writer's p99 in ms beside this work on a fresh copy, and the seconds that the work took."""
    with ground.copy("full") as name, writing(ground.server.dsn(name)) as took:
        started = time.perf_counter()
        work(name)
        seconds = time.perf_counter() - started
    return p99(took), seconds


def _expired(ground: Ground) -> int:
    with psycopg.connect(ground.server.dsn("full")) as connection:
        row = connection.execute(
            "select count(*) from audit_changes where captured_at < %s", (ground.cutoff,)
        ).fetchone()
    assert row is not None
    return row[0]


def _threadline(ground: Ground) -> float:
    """Seconds that Threadline's published algorithm would take for everything expired."""
    expired = _expired(ground)
    parameters = {"cutoff": ground.cutoff, "batch": 500}
    with ground.copy("full") as name, psycopg.connect(ground.server.dsn(name), autocommit=True) as connection:
        started = time.perf_counter()
        deleted = 0
        while time.perf_counter() - started < _at(ground, PATIENCE):
            batch = connection.execute(statement("threadline_changes"), parameters).rowcount
            while connection.execute(statement("threadline_orphans"), parameters).rowcount:
                pass
            deleted += batch
            if not batch:
                return time.perf_counter() - started
        return (time.perf_counter() - started) * expired / deleted
