"""One PostgreSQL server process: launched, watched, and stopped within a bound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from threadline_ops.embedded.account import spawn
from threadline_ops.errors import DatabaseError

#: A cold start takes under a second; the rest is for crash recovery and slow disks.
START_SECONDS = 60.0
#: A fast shutdown writes one checkpoint; an immediate one follows when that takes longer.
STOP_SECONDS = 20.0
POLL_SECONDS = 0.01

# The end of its input says that our process ended, in whatever way and on every system. The kernel's own
# parent-death signal exists on Linux only, and fires when the thread that started the server ends.
_WATCH = """
read -r _
kill -INT "$1" || exit 0
for _ in $(seq 20); do sleep 1; kill -0 "$1" || exit 0; done
kill -QUIT "$1"
"""


@dataclass(frozen=True)
class Status:
    """What `postmaster.pid` says; the file outlives a server that was killed."""

    pid: int
    port: int
    socket_directory: Path
    ready: bool

    @classmethod
    def read(cls, data: Path) -> Status | None:
        """The status, or None while there is no complete one."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
            return cls(int(lines[0]), int(lines[3]), Path(lines[4]), lines[7].strip() == "ready")
        except (FileNotFoundError, IndexError, ValueError):
            return None


class Postmaster:
    """A server process that ends with ours, even when ours is killed."""

    def __init__(self, command: Sequence[str | Path], log: IO[bytes]) -> None:
        self._server = spawn(command, output=log)
        self._watch = spawn(
            ["/bin/sh", "-c", _WATCH, "threadline-ops-watch", str(self._server.pid)], stdin=subprocess.PIPE
        )

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._server.pid

    def wait_until_ready(self, data: Path) -> bool:
        """Wait until the server accepts connections; False if it ended, or took too long, instead."""
        deadline = time.monotonic() + START_SECONDS
        while self._server.poll() is None and time.monotonic() < deadline:
            status = Status.read(data)
            if status and status.ready and status.pid == self.pid:
                return True
            time.sleep(POLL_SECONDS)
        return False

    def stop(self) -> None:
        """Stop the server: fast, then at once, then by force; returns when it has ended."""
        for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, None)):
            self._server.send_signal(how)
            try:
                self._server.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        self._watch.kill()  # before its input ends, so that it signals nothing
        self._watch.communicate()


def command_line(programs: Path, data: Path, sockets: Path, port: int, settings: Mapping[str, str]) -> list[str | Path]:
    """The server's command; settings given here win over its configuration files."""
    fixed = {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(sockets)}
    options = [part for item in {**settings, **fixed}.items() for part in ("-c", "=".join(item))]
    return [programs / "postgres", "-D", data, *options]


def end_orphan(data: Path) -> None:
    """Stop the server of a process that died, where nothing else has done so yet.

    The caller holds the lock on the server's home, so that nobody owns this server.

    Raises:
        DatabaseError: it does not end.
    """
    status = Status.read(data)
    if status is None:
        return
    for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0)):
        if not serves(status.pid, data):
            return
        os.kill(status.pid, how)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and serves(status.pid, data):
            time.sleep(POLL_SECONDS)
    if serves(status.pid, data):
        raise DatabaseError(
            f"the embedded server {status.pid} outlived its owner and does not stop",
            got=str(data),
            fix=f"end process {status.pid} by hand",
        )


def serves(pid: int, data: Path) -> bool:
    """Whether this process is the server of this directory: ids are used again, so its command is read."""
    if sys.platform == "linux":
        try:
            # A process that has ended and awaits its parent has an empty command line.
            return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            return False
    listing = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607 - its place differs between systems
        capture_output=True,
        check=False,
    )
    return os.fsencode(data) in listing.stdout
