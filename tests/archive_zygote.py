"""Runs of `archive_then_purge` that end before they should; tests/archive_killed.py is what is run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[1]


class Run(Protocol):
    """One run: exit status and steps taken."""

    def __call__(
        self, dsn: str, place: Path, fatal: int, *, uri: str = "", began: Callable[[int], None] = ...
    ) -> tuple[int, str]: ...


@contextmanager
def zygote(**environment: str) -> Iterator[Run]:
    """A process that has imported everything, and forks for each run.

    Args:
        environment: see tests/archive_killed.py.

    What it forks dies by itself at step `fatal` (0: never), or by whoever is told its id by `began`.
    """
    arguments = [sys.executable, "-m", "tests.archive_killed"]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(
            dsn: str, place: Path, fatal: int, *, uri: str = "", began: Callable[[int], None] = lambda _: None
        ) -> tuple[int, str]:
            print(dsn, place, uri, fatal, sep="\t", file=process.stdin, flush=True)
            began(int(process.stdout.readline()))
            status, taken = process.stdout.readline().split()
            return int(status), taken

        yield run
        process.stdin.close()
