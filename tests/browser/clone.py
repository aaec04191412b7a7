"""A new user's clone with the quickstart's commands run in it, as they stand on the page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "docs" / "quickstart.md"
#: A new user's clone holds more; these are what the quickstart touches.
_PARTS = ("Makefile", "dagster.yaml", "workspace.yaml", "assets", "jobs", "threadline_ops")
_SECONDS = 120.0


@dataclass(frozen=True)
class Clone:
    """A directory that looks like a clone whose environment is the one that runs the tests."""

    directory: Path
    port: int

    @property
    def demo(self) -> Path:
        return self.directory / ".demo"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """One line of the quickstart, to its end."""
        return subprocess.run(
            ["sh", "-c", self._here(command)], cwd=self.directory, env=self._environment(), capture_output=True, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """A line of the quickstart that is kept running, until the webserver answers and then to the `with`'s end."""
        log = self.directory / "ui.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["sh", "-c", f"exec {self._here(command)}"], cwd=self.directory, env=self._environment(), stdout=output,
                stderr=output, start_new_session=True, preexec_fn=_interruptible,
            )  # fmt: skip
        try:
            self._wait(process, log)
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C reaches the foreground's whole group
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/server_info", timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"the webserver did not come up: {log.read_text()[-2000:]}")

    def _here(self, command: str) -> str:
        """The environment is this one and must not be built again, the port is free, and a few flights are enough."""
        binaries = str(Path(sys.executable).parent)
        if command.startswith("make "):
            return f"{command} --old-file .venv/.complete BIN={binaries} PORT={self.port} FLIGHTS=300"
        return command.replace(".venv/bin", binaries)

    def _environment(self) -> dict[str, str]:
        """Without what would point to another database, another instance or another configuration."""
        foreign = ("THREADLINE_OPS_", "DAGSTER_", "MAKE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        # The environment may have been made for another work tree.
        return kept | {"PYTHONPATH": str(self.directory)}


def clone(directory: Path, port: int) -> Clone:
    for name in _PARTS:
        (directory / name).symlink_to(ROOT / name)
    return Clone(directory, port)


def commands() -> list[str]:
    """Every line of the quickstart's shell blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```", QUICKSTART.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def _interruptible() -> None:
    # A background process of a non-interactive shell would inherit that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
