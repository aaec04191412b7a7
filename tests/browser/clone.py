"""A new user's clone of this repository, with the commands of its pages run in it as they stand there."""

from __future__ import annotations

import os
import re
import shutil
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
README = ROOT / "README.md"
QUICKSTART = ROOT / "docs" / "quickstart.md"
#: The first command installs everything, which a busy machine takes minutes for.
_SECONDS = 420.0
#: What would lead to another database, another instance or another environment than the clone's own.
_FOREIGN = (
    "THREADLINE_OPS_",
    "DAGSTER_",
    "GIT_",
    "MAKE",
    "MFLAGS",
    "PYTEST_",
    "PYTHON",
    "VIRTUAL_ENV",
    "FLIGHTS",
    "MONTHS",
)


@dataclass(frozen=True)
class Clone:
    """A clone; what its pages say happens in it, and nothing of the tests' own environment reaches it."""

    directory: Path
    port: int

    @property
    def demo(self) -> Path:
        return self.directory / ".demo"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """One line of a page, to its end."""
        process = self._started(command, subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            _end(process, signal.SIGTERM)
            raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """A line that is kept running, until the webserver answers and then to the `with`'s end."""
        log = self.directory / "ui.log"
        with log.open("w") as output:
            process = self._started(command, output)
        try:
            self._wait(process, log)
            yield
        finally:
            _end(process, signal.SIGINT)  # as Ctrl-C reaches the foreground's whole group

    def _started(self, command: str, output: int | object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", command], cwd=self.directory, env=self._environment(), stdout=output, stderr=output, text=True,
            start_new_session=True, preexec_fn=_interruptible,
        )  # fmt: skip

    def _wait(self, process: subprocess.Popen[str], log: Path) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/server_info", timeout=1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"the webserver did not come up: {log.read_text()[-2000:]}")

    def _environment(self) -> dict[str, str]:
        """The commands stay as printed: the Makefile takes port and interpreter from the environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return kept | {"PORT": str(self.port), "PYTHON": f"{sys.base_prefix}/bin/python{version}"}


@contextmanager
def cloned(directory: Path, port: int) -> Iterator[Clone]:
    """What is committed, as a new user gets it; an unpacked archive, which has no history, is copied."""
    here = Clone(directory / "threadline_ops", port)
    if shutil.which("git") and (ROOT / ".git").exists():
        # The checkout may be somebody else's, which git minds.
        configuration = directory / "gitconfig"
        configuration.write_text("[safe]\n\tdirectory = *\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(
            ["git", "clone", "--quiet", str(ROOT), str(here.directory)],
            env=kept | {"GIT_CONFIG_GLOBAL": str(configuration)}, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    else:
        shutil.copytree(
            ROOT, here.directory, ignore=shutil.ignore_patterns(".git", ".venv", ".demo", "__pycache__", ".*_cache")
        )
    try:
        yield here
    finally:
        shutil.rmtree(here.directory / ".venv", ignore_errors=True)  # gigabytes


def commands(page: Path) -> list[str]:
    """Every line of the shell blocks of a page's tour, in order, without comments."""
    text = page.read_text()
    if page == README:
        text = text.partition("## Ten minutes")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]


def _end(process: subprocess.Popen[str], signum: int) -> None:
    """The whole group, for a command is a shell that started others."""
    for each, seconds in ((signum, 60), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, each)
            process.wait(seconds)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return


def _interruptible() -> None:
    # A background process of a non-interactive shell would inherit that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
