"""A real Redis for tests: found on PATH or fetched from Debian, on a loopback port, gone afterwards."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests import debian
from tests.pgbouncer import free_port

_PACKAGE = debian.Package(
    "redis-server",
    ("redis-server",),
    "Redis is needed and was not found; install it (apt install redis-server) or put it on PATH",
)
_LIBRARIES = ("redis-tools", "libhiredis0.14", "libhiredis1.1.0", "libjemalloc2", "liblua5.1-0", "liblzf1", "lua-cjson")


def program() -> list[str]:
    """The command, with what it needs to find its libraries; its absence is a failure in CI and a skip elsewhere."""
    return _PACKAGE.required(_of(_PACKAGE.on_path), _of(_PACKAGE.installed), _unpacked)


def _of(way: Callable[[], str | None]) -> Callable[[], list[str] | None]:
    return lambda: [path] if (path := way()) else None


def _unpacked() -> list[str] | None:
    # The package links the server to redis-tools' program, which is the server under another of its names.
    found = _PACKAGE.unpacked("usr/bin/redis-check-rdb", *_LIBRARIES)
    if found is None:
        return None
    alias = debian.directory("redis-server") / "redis-server"
    if not alias.exists():
        shutil.copy(found[0], alias)
    return ["/usr/bin/env", f"LD_LIBRARY_PATH={found[1]}", str(alias)]


@contextmanager
def started(directory: Path) -> Iterator[str]:
    """The address of a Redis that keeps nothing."""
    port = free_port()
    words = [*program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    with redis.Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                assert process.poll() is None, "redis-server ended"
                assert time.monotonic() < deadline, "redis-server did not answer"
                time.sleep(0.02)
