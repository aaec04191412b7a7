"""A real PgBouncer for tests: found or fetched, started as an ordinary user on a loopback port, gone afterwards."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests import debian
from threadline_ops.embedded import scratch
from threadline_ops.embedded.account import can_enter, hand_over, spawn

_PACKAGE = debian.Package(
    "pgbouncer",
    ("pgbouncer",),
    "PgBouncer is needed and was not found; install it (apt install pgbouncer, dnf install pgbouncer, "
    "brew install pgbouncer) or put it on PATH",
)
START_SECONDS = 20.0
#: Packages that Debian's pgbouncer links and a small system may lack.
_LIBRARIES = ("libevent-2.1-7", "libevent-2.1-7t64", "libc-ares2", "libcares2")
_WATCH = 'read -r _; kill -INT "$1"'


@dataclass(frozen=True)
class Program:
    """The executable, with where its libraries lie, and which loader loads them, if the system does not know."""

    path: str
    libraries: str | None = None
    loader: str | None = None

    def command(self, *arguments: str | Path) -> list[str | Path]:
        if self.loader and self.libraries:
            return [self.loader, "--library-path", self.libraries, self.path, *arguments]
        prefix: list[str | Path] = ["/usr/bin/env", f"LD_LIBRARY_PATH={self.libraries}"] if self.libraries else []
        return [*prefix, self.path, *arguments]


@dataclass(frozen=True)
class PgBouncer:
    """A pooler in front of the test server."""

    port: int
    mode: str
    pool_size: int
    stats_password: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)

    def dsn(self, direct: str) -> str:
        """The same database as a direct connection string's, through the pooler."""
        return make_conninfo(direct, host="127.0.0.1", port=self.port)


@cache
def program() -> Program:
    """PgBouncer on this machine; in CI its absence is a failure, elsewhere a skip that says how to get it."""
    return _PACKAGE.required(_of(_PACKAGE.on_path), _of(_PACKAGE.installed), _unpacked)


def _of(way: Callable[[], str | None]) -> Callable[[], Program | None]:
    return lambda: Program(path) if (path := way()) else None


def _unpacked() -> Program | None:
    found = _PACKAGE.unpacked("usr/sbin/pgbouncer", *_LIBRARIES)
    return Program(str(found[0]), found[1]) if found else None


@contextmanager
def started(
    admin: str, mode: str, *, pool_size: int = 4, console: bool = True, executable: Program | None = None
) -> Iterator[PgBouncer]:
    """PgBouncer before the server of an admin's DSN, for every database and role there.

    Args:
        admin: a superuser's DSN, with a password.
        mode: session, transaction or statement.
        pool_size: server connections for each pair of database and role.
        console: whether that superuser may ask the admin console.
        executable: another one than this machine's.
    """
    target = conninfo_to_dict(admin)
    executable = executable or program()
    directory = Path(tempfile.mkdtemp(prefix="b-", dir=scratch.root()))
    hand_over(directory)
    if not can_enter(Path(executable.path)):
        pytest.fail(f"{executable.path} cannot be run by the account that tests start servers under")
    pooler = PgBouncer(free_port(), mode, pool_size)
    _configure(directory, target, pooler, console=console)
    with (directory / "log").open("wb") as log:
        process = spawn(executable.command("-q", directory / "pgbouncer.ini"), output=log)
    watch = spawn(["/bin/sh", "-c", _WATCH, "watch", str(process.pid)], stdin=subprocess.PIPE)
    try:
        wait_until_ready(process, pooler.dsn(admin), directory / "log")
        yield pooler
    finally:
        process.kill()  # a stray connection must not hold it back, nor a signal that a background job ignores
        process.wait(10)
        watch.kill()
        watch.communicate()
        shutil.rmtree(directory, ignore_errors=True)


def _configure(directory: Path, target: dict[str, object], pooler: PgBouncer, *, console: bool) -> None:
    user, password = str(target["user"]), str(target["password"])
    quoted = password.replace('"', '""')
    _private(directory / "users.txt", f'"{user}" "{quoted}"\n"stats" "{pooler.stats_password}"\n')
    _private(
        directory / "pgbouncer.ini",
        f"""
[databases]
* = host={target["host"]} port={target.get("port", 5432)} auth_user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {pooler.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {directory}/users.txt
auth_query = select usename, passwd from pg_catalog.pg_shadow where usename = $1
stats_users = {user if console else "stats"}
pool_mode = {pooler.mode}
default_pool_size = {pooler.pool_size}
max_client_conn = 200
query_wait_timeout = 30
server_login_retry = 1
""",
    )


def _private(path: Path, content: str) -> None:
    path.touch(mode=0o600)
    path.write_text(content)
    hand_over(path)


def free_port() -> int:
    """A port that is free, and will be when a program takes it a moment later.

    It lies below those that systems give to whoever asks for any, above all to connections of tests beside this one.
    """
    for port in secrets.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a hundred ports below the usual ones are taken")


def wait_until_ready(process: subprocess.Popen[bytes], dsn: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.01)
        else:
            return
    pytest.fail(f"PgBouncer did not start; its log ends with: {log.read_text()[-1000:]}", pytrace=False)
