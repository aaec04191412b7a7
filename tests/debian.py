"""Programs that tests need and a system may lack: found on PATH, or fetched with apt where that is allowed.

In CI the absence of one is a failure, elsewhere a skip that says how to get it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from threadline_ops.embedded import scratch

Found = TypeVar("Found")


@dataclass(frozen=True)
class Package:
    """A Debian package, by the names under which its program may already be there."""

    name: str
    commands: tuple[str, ...]
    how_to_get_it: str

    def on_path(self) -> str | None:
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
        return next((found for name in self.commands if (found := shutil.which(name, path=path))), None)

    def installed(self) -> str | None:
        """Installed by root in CI; nobody else's system is changed."""
        if shutil.which("apt-get") is None or os.geteuid() != 0 or not os.environ.get("CI"):
            return None
        with alone():
            if (found := self.on_path()) is None:
                apt("update")
                apt("install", "-y", "--no-install-recommends", self.name)
                found = self.on_path()
        return found

    def unpacked(self, program: str, *libraries: str) -> tuple[Path, str | None] | None:
        """Its program and where its libraries lie, in our own directory, the system left alone.

        Args:
            program: its path below the root, such as `usr/sbin/pgbouncer`.
            libraries: packages that it links and a small system may lack; which names exist depends on the release.
        """
        if shutil.which("apt-get") is None:
            return None
        place = directory(self.name)
        with alone():
            if not (place / "root" / program).exists():
                for name in (self.name, *libraries):
                    apt("download", name, cwd=place)
                for package in place.glob("*.deb"):
                    subprocess.run(["dpkg", "-x", package, place / "root"], check=False)
        if not (place / "root" / program).exists():
            return None
        found = sorted({str(library.parent) for library in (place / "root").glob("usr/lib/*/*.so*")})
        return place / "root" / program, ":".join(found) or None

    def required(self, *ways: Callable[[], Found | None]) -> Found:
        """What the first way gives that gives anything."""
        for way in ways:
            found = way()
            if found is not None:
                return found
        if os.environ.get("CI"):
            pytest.fail(self.how_to_get_it, pytrace=False)
        pytest.skip(self.how_to_get_it)


def directory(name: str) -> Path:
    """Our own place for what is fetched."""
    place = scratch.root() / name
    scratch.make_directory(place, 0o755)
    return place


@contextmanager
def alone() -> Iterator[None]:
    """One apt at a time, whatever it fetches: several workers may arrive here at once."""
    with (directory("apt") / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def apt(*arguments: str, cwd: Path | None = None) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        ["apt-get", "-qq", *arguments], cwd=cwd, env=environment, capture_output=True, timeout=240, check=False
    )
    return done.returncode == 0
