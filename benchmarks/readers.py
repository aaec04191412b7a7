"""Processes that export for `benchmarks.peers`: a new one for each export, or one for all of a reader's exports."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol


class ReaderError(Exception):
    """A reader's process ended before it had exported; the text is its last word."""


class Export(Protocol):
    """How to export by a reader of this name."""

    def __call__(self, name: str, dsn: str, target: Path) -> tuple[float, float | None]:
        """Seconds that it took, and the process' peak of resident memory in MB where the system tells."""
        ...


@contextmanager
def _process(name: str) -> Generator[Callable[[str, Path], float | None]]:
    """A process that exports on demand, and tells its peak memory."""
    command = [sys.executable, "-m", "benchmarks.peers", name]
    pipe = subprocess.PIPE
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True) as child,
    ):

        def export(dsn: str, target: Path) -> float | None:
            assert child.stdin
            assert child.stdout
            # One that has ended cannot be asked; it will not answer either.
            if child.poll() is None:
                print(json.dumps([dsn, str(target)]), file=child.stdin, flush=True)
            if answer := child.stdout.readline():
                return json.loads(answer)
            child.wait()
            errors.seek(0)
            last = (errors.read().strip().splitlines() or ["it failed without a word"])[-1]
            raise ReaderError(re.sub(r" ?\(?/\S+", "", last))  # no path of this machine

        yield export


def from_start(name: str, dsn: str, target: Path) -> tuple[float, float | None]:
    """Export by a new process; its start and end are part of the time, as they are for who runs a script."""
    started = time.perf_counter()
    with _process(name) as export:
        peak = export(dsn, target)
    return time.perf_counter() - started, peak


@contextmanager
def kept(small: str) -> Generator[Export]:
    """Export by a process for each reader, which has exported before it is first clocked.

    Args:
        small: the connection string of a small database for that.
    """
    with ExitStack() as stack:
        running: dict[str, Callable[[str, Path], float | None]] = {}

        def export(name: str, dsn: str, target: Path) -> tuple[float, float | None]:
            if name not in running:
                running[name] = stack.enter_context(_process(name))
                running[name](small, target.with_name(f"{target.name}-small"))
            started = time.perf_counter()
            peak = running[name](dsn, target)
            return time.perf_counter() - started, peak

        yield export
