"""Clusters that are copies of one another, file by file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def place() -> Iterator[Path]:
    """A directory that the servers' account may enter, so that a cluster can simply be copied."""
    path = Path(tempfile.mkdtemp(prefix="threadline-clusters-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def copied(primary: Path, standby: Path) -> None:
    """Copy a stopped server's files, for a server that starts as a standby."""
    shutil.copytree(primary, standby, symlinks=True, ignore=shutil.ignore_patterns("postmaster.pid", "port"))
    for source in primary.rglob("*"):
        copy = standby / source.relative_to(primary)
        if copy.exists():
            shutil.chown(copy, source.stat().st_uid, source.stat().st_gid)
    (standby / "data" / "standby.signal").touch()
