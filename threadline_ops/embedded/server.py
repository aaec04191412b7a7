"""Embedded servers as context managers: one that keeps its data, one that leaves nothing behind.

A server's home holds `data/` (or a link to it), `password` (mode 0600), `server.log`, `port`, `server.lock`.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO
from urllib.parse import quote, urlencode

from threadline_ops.embedded import binaries, cluster, process, scratch
from threadline_ops.errors import DatabaseError

USER = cluster.SUPERUSER
HOST = "127.0.0.1"
#: Another process may take a free port before the server does; more conflicts in a row are no accident.
PORT_ATTEMPTS = 5
_NONE: Mapping[str, str] = MappingProxyType({})

#: What the audited hosts use or might: logical decoding, prepared transactions, many short connections.
DURABLE: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "128MB",
        "max_connections": "200",
        "wal_level": "logical",
        "max_prepared_transactions": "20",
        "jit": "off",  # compiling costs more than these queries do, and makes timings jump
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)
#: For data that nobody needs after a crash.
FAST: Mapping[str, str] = MappingProxyType(
    {**DURABLE, "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
)


@dataclass(frozen=True)
class Server:
    """A server that accepts connections, over TCP on this machine and over a Unix socket."""

    home: Path
    data_directory: Path
    host: str
    port: int
    socket_directory: Path
    user: str
    password: str = field(repr=False)
    pid: int

    @property
    def log_file(self) -> Path:
        """Where the server writes its log."""
        return self.home / cluster.LOG

    def dsn(self, database: str = "postgres", **params: str) -> str:
        """A connection URL; it contains the password.

        Args:
            database: the database's name, as it is.
            params: further libpq parameters; `host=str(server.socket_directory)` takes the socket.
        """
        address = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@{self.host}:{self.port}"
        query = "?" + urlencode(params, safe="", quote_via=quote) if params else ""
        return f"postgresql://{address}/{quote(database, safe='')}{query}"


@contextmanager
def running(directory: Path, *, settings: Mapping[str, str] = _NONE) -> Generator[Server]:
    """Serve a directory, and stop at exit; the next start finds what was stored, on the same port if free.

    The server stops too when this process dies. If another one of ours serves the directory already, that
    server is used and left running.

    Args:
        directory: the server's home; absent, empty, or one that this function made.
        settings: server settings over `DURABLE`.

    Raises:
        DatabaseError: the wheel is missing, the directory is not ours, or the server did not start.
    """
    home = cluster.home(directory)
    owned = _own_or_find(home)
    if isinstance(owned, Server):
        yield owned
        return
    with closing(owned):
        _sweep()
        with _serving(home, {**DURABLE, **settings}, durable=True) as server:
            yield server


@contextmanager
def temporary(*, settings: Mapping[str, str] = _NONE, parent: Path | None = None) -> Generator[Server]:
    """Serve a fresh directory, without regard for crashes, and remove it at exit.

    What earlier processes could not remove, because they were killed, is removed first.

    Args:
        settings: server settings over `FAST`.
        parent: a directory, say one in memory, for the server to lie below; the system's temporary one without it.

    Raises:
        DatabaseError: the wheel is missing, or the server did not start.
    """
    _sweep(parent)
    with scratch.exclusively(parent) as root:
        home = Path(tempfile.mkdtemp(prefix="t-", dir=root))
        home.chmod(0o711)
        lock = scratch.try_lock(home / scratch.LOCK)
    assert lock is not None  # nobody else knows the directory yet
    maker = os.getpid()
    with closing(lock):
        try:
            with _serving(home, {**FAST, **settings}, durable=False) as server:
                yield server
        finally:
            if os.getpid() == maker:
                shutil.rmtree(home, ignore_errors=True)  # what stays is swept at the next start


def _own_or_find(home: Path) -> IO[str] | Server:
    """The lock on a home, or the server of whoever holds it."""
    deadline = time.monotonic() + process.START_SECONDS
    while time.monotonic() < deadline:
        lock = scratch.try_lock(home / scratch.LOCK)
        if lock:
            return lock
        data = cluster.data_directory(home)
        status = process.Status.read(data) if data else None
        # A file that says ready may be left from a crash, while the holder recovers from it.
        if data and status and status.ready and process.serves(status.pid, data):
            return _server(home, data, status)
        time.sleep(process.POLL_SECONDS)  # it starts, or stops: then the lock becomes free
    raise DatabaseError(
        "another process holds the embedded server's directory, but no server is ready there",
        got=str(home),
        fix=f"end process {(home / scratch.LOCK).read_text().strip()}",
    )


@contextmanager
def _serving(home: Path, settings: Mapping[str, str], *, durable: bool) -> Generator[Server]:
    data = cluster.data_directory(home) or cluster.initialise(home, durable=durable)
    process.end_orphan(data)
    sockets = scratch.socket_directory(home, data)
    owner = os.getpid()
    postmaster, server = _start(home, data, sockets, settings)
    try:
        yield server
    finally:
        # A forked child unwinds this too, but the server is its parent's.
        if os.getpid() == owner:
            postmaster.stop()
            if sockets != data:
                shutil.rmtree(sockets, ignore_errors=True)


def _start(home: Path, data: Path, sockets: Path, settings: Mapping[str, str]) -> tuple[process.Postmaster, Server]:
    """Start on the port of the last time, else on a free one; another, if somebody was faster."""
    tail = ""
    for attempt in range(PORT_ATTEMPTS):
        port = _port(home if attempt == 0 else None)
        command = process.command_line(binaries.directory(), data, sockets, port, settings)
        with cluster.log(home) as log:
            start = log.tell()
            postmaster = process.Postmaster(command, log)
        try:
            ready = postmaster.wait_until_ready(data)
            status = process.Status.read(data)
        except BaseException:
            postmaster.stop()
            raise
        if ready and status:
            (home / cluster.PORT).write_text(f"{port}\n")
            return postmaster, _server(home, data, status)
        postmaster.stop()
        tail = cluster.tail(home, start)
        if "could not create any TCP/IP sockets" not in tail:
            break
    raise DatabaseError(
        f"the embedded postgresql in {home} did not start; its log ends with:\n{tail}\n",
        fix="correct what it names (a setting, disk space, shared memory) and start again",
    )


def _port(home: Path | None) -> int:
    """The port that this home had last, so that stored connection strings stay right, or any free one."""
    last = home / cluster.PORT if home else None
    wanted = int(last.read_text()) if last and last.exists() else 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _server(home: Path, data: Path, status: process.Status) -> Server:
    password = (home / cluster.PASSWORD).read_text()
    return Server(home, data, HOST, status.port, status.socket_directory, USER, password, status.pid)


def _sweep(parent: Path | None = None) -> None:
    """Remove temporary servers whose owners were killed, and the data of homes that were deleted."""
    with scratch.exclusively(parent) as root:
        for place in (*root.glob("t-*"), *root.glob("o-*")):
            temporary = place.name.startswith("t-")
            lock = scratch.try_lock(place / scratch.LOCK) if temporary else scratch.lock_of_deleted(place)
            if lock:
                with closing(lock), suppress(DatabaseError):
                    process.end_orphan(place / cluster.DATA)
                    shutil.rmtree(place, ignore_errors=True)
