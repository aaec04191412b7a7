"""A real Redis for tests: found on PATH or fetched from Debian, on a loopback port, gone afterwards."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.pgbouncer import free_port
from threadline_ops.embedded import scratch

HOW_TO_GET_IT = "Redis is needed and was not found; install it (apt install redis-server) or put it on PATH"
_PACKAGES = ("redis-tools", "libhiredis0.14", "libhiredis1.1.0", "libjemalloc2", "liblua5.1-0", "liblzf1", "lua-cjson")


def program() -> list[str]:
    """The command, with what it needs to find its libraries; its absence is a failure in CI and a skip elsewhere."""
    path = shutil.which("redis-server", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if path is not None:
        return [path]
    if command := _from_debian():
        return command
    if os.environ.get("CI"):
        pytest.fail(HOW_TO_GET_IT, pytrace=False)
    pytest.skip(HOW_TO_GET_IT)


def _from_debian() -> list[str] | None:
    if shutil.which("apt-get") is None:
        return None
    place = scratch.root() / "redis"
    scratch.make_directory(place, 0o755)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers may arrive here at once
        if os.geteuid() == 0 and os.environ.get("CI"):
            _apt(place, "update")
            _apt(place, "install", "-y", "--no-install-recommends", "redis-server")
            return [found] if (found := shutil.which("redis-server")) else None
        for name in _PACKAGES:
            _apt(place, "download", name)  # which of the libraries' names exist depends on the release
        for package in place.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, place / "root"], check=False)
    server = place / "root/usr/bin/redis-check-rdb"  # the server's own program, under another of its names
    if not server.exists():
        return None
    libraries = ":".join(sorted({str(found.parent) for found in (place / "root").glob("usr/lib/*/*.so*")}))
    alias = place / "redis-server"
    if not alias.exists():
        shutil.copy(server, alias)
    return ["/usr/bin/env", f"LD_LIBRARY_PATH={libraries}", str(alias)]


def _apt(place: Path, *arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "-qq", *arguments], cwd=place, env=environment, capture_output=True, timeout=240, check=False
    )


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
