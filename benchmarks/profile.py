"""Where the time of one trial goes: CPU of the server and of us, and what each of our statements waited for."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import sql

import threadline_ops.sql

#: Statements that took less than this share of a trial are summed up.
TELLING = 0.02


@dataclass(frozen=True)
class Profile:
    """One trial, seconds everywhere.

    Attributes:
        name: what was profiled.
        wall: from start to end.
        server: CPU of all of the server's processes.
        client: CPU of this process and of those that it started.
        parts: statement, calls, and seconds until its answer was there, with several connections in parallel.
    """

    name: str
    wall: float
    server: float
    client: float
    parts: list[tuple[str, int, float]] = field(default_factory=list[tuple[str, int, float]])

    def lines(self) -> list[str]:
        """For the page."""
        head = (
            f"- `{self.name}`: {self.wall:.2f} s; CPU of the server {self.server:.2f}, of the client {self.client:.2f}"
        )
        telling = [part for part in self.parts if part[2] >= TELLING * self.wall]
        rest = sum(seconds for _, _, seconds in self.parts) - sum(seconds for _, _, seconds in telling)
        told = [f"`{name}` {seconds:.2f} ({calls:,} times)" for name, calls, seconds in telling]
        return [f"{head}. Waited for {', '.join(told)}, others {rest:.2f}" if told else head]


def profiled(name: str, postmaster: int, work: Callable[[], object]) -> Profile:
    """Run `work` once and say where its time went.

    Args:
        name: for the page.
        postmaster: process id of the server.
        work: the trial.
    """
    with _statements() as spent:
        server, client, started = _server_cpu(postmaster), _own_cpu(), time.perf_counter()
        work()
        wall, used = time.perf_counter() - started, _own_cpu() - client
    parts = [(part, calls, seconds) for (part, calls), seconds in spent().items()]
    return Profile(name, wall, _server_cpu(postmaster) - server, used, sorted(parts, key=lambda part: -part[2]))


@contextmanager
def _statements() -> Generator[Callable[[], dict[tuple[str, int], float]]]:
    """Clock psycopg's statements, by the file that each comes from, and its commits."""
    seconds: defaultdict[str, float] = defaultdict(float)
    calls: Counter[str] = Counter()
    lock = threading.Lock()

    def clocked(real: Callable[..., Any], name_of: Callable[..., str]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return real(*args, **named)
            finally:
                with lock:
                    name = name_of(*args)
                    seconds[name] += time.perf_counter() - started
                    calls[name] += 1

        return run

    executed = clocked(psycopg.Cursor.execute, lambda _, query, *rest: _file_of(query))
    ended = clocked(psycopg.Transaction.__exit__, lambda *_: "commit")
    with patch.object(psycopg.Cursor, "execute", executed), patch.object(psycopg.Transaction, "__exit__", ended):
        yield lambda: {(name, calls[name]): took for name, took in seconds.items()}


def _file_of(query: object) -> str:
    """The SQL file that a statement was composed from: its opening comment is in no other."""
    text = query.as_string() if isinstance(query, sql.Composable) else str(query)
    return _openings().get(text.split("\n", 1)[0], "other")


@cache
def _openings() -> dict[str, str]:
    place = Path(str(files(threadline_ops.sql)))
    return {path.read_text().split("\n", 1)[0]: path.relative_to(place).as_posix() for path in place.rglob("*.sql")}


def _own_cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _server_cpu(postmaster: int) -> float:
    """CPU seconds of a server so far: its own, of its ended children, and of those that live.

    Read again while a child ends meanwhile, because its time would be in neither sum.
    """
    while True:
        before, _ = _read_times(postmaster)
        after, total = _read_times(postmaster)
        if before == after:
            return total / os.sysconf("SC_CLK_TCK")


def _read_times(postmaster: int) -> tuple[set[int], int]:
    """The server's processes, and the clock ticks that they used."""
    ours: set[int] = set()
    total = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        if int(entry.name) == postmaster:
            total += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ours.add(int(entry.name))
            total += sum(map(int, fields[11:13]))
    return ours, total
