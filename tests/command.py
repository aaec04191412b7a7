"""The command line as tests run it: within this process, or as a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from threadline_ops.cli import main

ROOT = Path(__file__).parents[1]


def environment(**named: str) -> dict[str, str]:
    """This process's environment without settings of ours but these, named without their prefix."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("THREADLINE_OPS_")}
    return plain | {f"THREADLINE_OPS_{name}": value for name, value in named.items()} | {"PYTHONPATH": str(ROOT)}


def command(variables: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `threadline-ops` here, with an environment, a directory and an output of its own.

    The same entry point as the program's, and a second less than a new interpreter takes. What ends in anything
    but an exit status, which the program would show as a traceback, is raised.
    """
    said, complained = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, variables, clear=True),
        mock.patch.object(sys, "argv", ["threadline-ops", *arguments]),
        chdir(cwd),
        redirect_stdout(said),
        redirect_stderr(complained),
        pytest.raises(SystemExit) as end,
    ):
        main()
    status = end.value.code
    assert status is None or isinstance(status, int)
    return subprocess.CompletedProcess(arguments, status or 0, said.getvalue(), complained.getvalue())


def spawned(variables: dict[str, str], cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `threadline-ops` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "threadline_ops", *arguments],
        env=variables, cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
