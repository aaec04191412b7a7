"""Purge of the oldest half: ours against Threadline's algorithm and against one giant DELETE."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median

import psycopg

from benchmarks.cases import Case, interleaved, ratio, seconds
from benchmarks.effort import Effort
from benchmarks.ground import SPAN, Ground, statement
from benchmarks.profile import Profile, profiled
from benchmarks.writer import writing
from threadline_ops.retention import PurgeRequest, run_purge

#: Changes a statement at full speed: about 60 ms of work.
BATCH = 20_000


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Every purge case."""
    ground.partition("partitioned", "full")
    expired = _expired(ground)
    fast = _full_speed(ground)
    measured = interleaved(
        {
            "ours": ground.trial("full", lambda name: _purge(ground, name, fast)),
            "two": ground.trial("full", lambda name: _purge(ground, name, replace(fast, workers=2))),
            "single": ground.trial("full", lambda name: _single(ground, name)),
            "tenth": ground.trial("tenth", lambda name: _purge(ground, name, fast)),
            "threadline": lambda: _threadline(ground, effort, expired),
            "changes alone": ground.trial("full", lambda name: _purge_changes(ground, name, fast)),
            "partitions": lambda: _partitions_clocked(ground),
        },
        effort.decisive,
    )
    return [
        *_at_full_speed(measured, effort, expired),
        *_beside_a_writer(ground, effort, median(measured["threadline"])),
        *_partitioned(measured),
    ]


def _at_full_speed(measured: dict[str, list[float]], effort: Effort, expired: int) -> list[Case]:
    rates = [expired / taken for taken in measured["ours"]]
    return [
        ratio(
            "purge.vs_threadline", measured["threadline"], measured["ours"], goal=150, better="higher",
            note=f"Threadline's stopped after {effort.patience_s:g} s and extrapolated; it slows down with size; "
            f"ours at {median(rates):,.0f} changes/s",
        ),
        ratio("purge.vs_single_delete", measured["ours"], measured["single"], goal=1.15, better="lower"),
        ratio("purge.vs_single_delete_2_workers", measured["two"], measured["single"], goal=0.65, better="lower"),
        ratio(
            "purge.flatness", [taken / 10 for taken in measured["ours"]], measured["tenth"], goal=1.3, better="lower",
            note="seconds per change, at full size over at a tenth",
        ),
    ]  # fmt: skip


def _partitioned(measured: dict[str, list[float]]) -> list[Case]:
    """Whole partitions against rows: the changes alone, and against one DELETE with the transactions that empties."""
    return [
        ratio(
            "purge.partitioned", measured["partitions"], measured["changes alone"], goal=0.15, better="lower",
            note="two partitions of 30 days counted, hashed and dropped, over our purge of the same changes by rows; "
            "transactions stay on both sides",
        ),
        ratio(
            "purge.partitioned_with_transactions", measured["partitions, transactions too"], measured["single"],
            goal=1.0, better="lower",
            note="with the transactions that this empties, by another run: row by row either way, each looking into "
            "every partition",
        ),
    ]  # fmt: skip


def _beside_a_writer(ground: Ground, effort: Effort, threadline: float) -> list[Case]:
    """What a capturing writer feels of nothing, of the default and of full speed, as its p99; one after the other.

    Args:
        ground: where trials run.
        effort: for how long nothing is done.
        threadline: seconds that Threadline's algorithm takes for the same changes.
    """
    gentle = PurgeRequest(execute=True, cutoff=ground.cutoff)
    rest = replace(_full_speed(ground), cutoff=ground.cutoff + SPAN / 4)

    def trial() -> dict[str, float]:
        with ground.copy("full") as name, writing(ground.server.dsn(name)) as writer:
            idle = writer.beside(lambda: time.sleep(effort.idle_s))
            started = time.perf_counter()
            during = writer.beside(lambda: _purge(ground, name, gentle))
            taken = time.perf_counter() - started
            fast = writer.beside(lambda: _purge(ground, name, rest))
        return {"idle": idle(), "gentle": during(), "gentle, seconds": taken, "fast": fast()}

    measured = interleaved({"beside": trial}, effort.repeats)
    beside = "p99 of a capturing writer's commits, during over idle"
    return [
        ratio("purge.capture_p99", measured["gentle"], measured["idle"], goal=1.5, better="lower", note=beside),
        ratio(
            "purge.vs_threadline_gentle", [threadline], measured["gentle, seconds"], goal=60, better="higher",
            note="beside a writer; Threadline's from the rounds of purge.vs_threadline",
        ),
        ratio(
            "purge.capture_p99_full_speed", measured["fast"], measured["idle"], goal=3, better="lower",
            note=f"{beside}; a further quarter of the history; for information",
        ),
    ]  # fmt: skip


def profiles(ground: Ground) -> list[Profile]:
    """Where the time of a purge goes, and of the one DELETE."""
    fast = _full_speed(ground)
    runs: dict[str, Callable[[str], object]] = {
        "one DELETE": lambda name: _single(ground, name),
        "purge": lambda name: _purge(ground, name, fast),
        "purge, two workers": lambda name: _purge(ground, name, replace(fast, workers=2)),
        "purge, gentle": lambda name: _purge(ground, name, PurgeRequest(execute=True, cutoff=ground.cutoff)),
    }
    found: list[Profile] = []
    for label, work in runs.items():
        with ground.copy("full") as name:
            found.append(profiled(label, ground.server.pid, partial(work, name)))
    return found


def _full_speed(ground: Ground) -> PurgeRequest:
    return PurgeRequest(execute=True, cutoff=ground.cutoff, batch_size=BATCH, full_speed=True)


def _purge(ground: Ground, name: str, request: PurgeRequest, **retention: object) -> None:
    result = run_purge(ground.settings(name, **retention), request).result
    assert result is not None
    assert result.outcome == "complete", result


def _purge_changes(ground: Ground, name: str, request: PurgeRequest) -> None:
    _purge(ground, name, request, delete_empty_transactions=False)


def _single(ground: Ground, database: str) -> None:
    """Delete the changes, then the transactions that this emptied."""
    with psycopg.connect(ground.server.dsn(database), autocommit=True) as connection:
        connection.execute(statement("single_delete_changes"), {"cutoff": ground.cutoff})
        connection.execute(statement("single_delete_transactions"))


def _partitions_clocked(ground: Ground) -> dict[str, float]:
    """Seconds of a purge that drops partitions, and of that with one more for the transactions that it emptied."""
    fast = _full_speed(ground)
    with ground.copy("partitioned") as name:
        changes = seconds(lambda: _purge_changes(ground, name, fast))
        transactions = seconds(lambda: _purge(ground, name, fast))
    return {"partitions": changes, "partitions, transactions too": changes + transactions}


def _expired(ground: Ground) -> int:
    with psycopg.connect(ground.server.dsn("full")) as connection:
        row = connection.execute(
            "select count(*) from audit_changes where captured_at < %s", (ground.cutoff,)
        ).fetchone()
    assert row is not None
    return row[0]


def _threadline(ground: Ground, effort: Effort, expired: int) -> float:
    """Seconds that Threadline's published algorithm would take for everything expired."""
    parameters = {"cutoff": ground.cutoff, "batch": 500}
    with ground.copy("full") as name, psycopg.connect(ground.server.dsn(name), autocommit=True) as connection:
        started = time.perf_counter()
        deleted = 0
        while time.perf_counter() - started < effort.patience_s:
            batch = connection.execute(statement("threadline_changes"), parameters).rowcount
            while connection.execute(statement("threadline_orphans"), parameters).rowcount:
                pass
            deleted += batch
            if not batch:
                return time.perf_counter() - started
        return (time.perf_counter() - started) * expired / deleted
