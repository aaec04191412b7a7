"""Purge of the oldest half: ours against Threadline's algorithm and against one giant DELETE."""

from __future__ import annotations

import time
from statistics import median

import psycopg

from benchmarks.cases import Case, interleaved, ratio
from benchmarks.ground import Ground, statement
from threadline_ops.retention import PurgeRequest, run_purge

#: Threadline's algorithm would run for hours at full size: it is stopped after this many seconds and extrapolated
#: from its rate so far, which favours it, because it gets slower as it goes.
PATIENCE = 20.0


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Every purge case."""
    request = PurgeRequest(execute=True, cutoff=ground.cutoff)

    def ours(database: str) -> None:
        result = run_purge(ground.settings(database), request).result
        assert result is not None
        assert result.outcome == "complete", result

    def single(database: str) -> None:
        with psycopg.connect(ground.server.dsn(database), autocommit=True) as connection:
            connection.execute(statement("single_delete_changes"), {"cutoff": ground.cutoff})
            connection.execute(statement("single_delete_transactions"))

    measured = interleaved(
        {
            "ours": ground.trial("full", ours),
            "single": ground.trial("full", single),
            "tenth": ground.trial("tenth", ours),
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
            note=f"Threadline's stopped after {PATIENCE:.0f} s and extrapolated; ours at {median(rates):,.0f} "
            "changes/s",
        ),
        ratio("purge.vs_single_delete", measured["ours"], measured["single"], goal=1.15, better="lower"),
        ratio(
            "purge.flatness",
            [seconds / 10 for seconds in measured["ours"]],
            measured["tenth"],
            goal=1.3,
            better="lower",
            note="seconds per change, at full size over at a tenth",
        ),
    ]


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
        while time.perf_counter() - started < PATIENCE:
            batch = connection.execute(statement("threadline_changes"), parameters).rowcount
            while connection.execute(statement("threadline_orphans"), parameters).rowcount:
                pass
            deleted += batch
            if not batch:
                return time.perf_counter() - started
        return (time.perf_counter() - started) * expired / deleted
