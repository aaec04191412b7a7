"""Files that appear whole or not at all, and a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from threadline_ops.errors import EvidenceError

#: Evidence is not edited; the mode says so to people, the chain proves it.
READ_ONLY = 0o400

#: A put takes milliseconds; whoever waits this long waits for a stopped process.
LOCK_PATIENCE_S = 30.0


#: A run id becomes a file name; Dagster's and ours are UUIDs.
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,99}")

#: Records are a few KB; most come in one read.
_PIECE = 1 << 16


def read(path: str) -> bytes:
    """A whole file, by the shortest way: a verification reads two hundred thousand small ones.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        pieces: list[bytes] = []
        while piece := os.read(descriptor, _PIECE):
            pieces.append(piece)
            if len(piece) < _PIECE:
                break
        return b"".join(pieces)
    finally:
        os.close(descriptor)


@contextmanager
def written(directory: Path, content: bytes) -> Generator[Path]:
    """A temporary file in `directory` with this content, synced to disk and gone afterwards, to be linked from."""
    descriptor, name = tempfile.mkstemp(dir=directory, prefix=".", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), READ_ONLY)
            os.fsync(stream.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def replace(path: Path, content: bytes) -> None:
    """Write a file that may exist, so that readers see the old content or the new one."""
    with written(path.parent, content) as temporary:
        temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make names that were added to or removed from a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file if nobody has it; the kernel frees it when its process ends, however it ends."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, *, patience_s: float = LOCK_PATIENCE_S) -> Generator[None]:
    """Hold a lock file for the length of a `with`.

    Raises:
        EvidenceError: another process held it for longer than `patience_s` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + patience_s
        while not try_lock(descriptor):
            if time.monotonic() > deadline:
                raise EvidenceError(
                    "another process holds the evidence store",
                    got=str(path),
                    fix="find it with `fuser` on that file, and end it or wait",
                )
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def run_id_checked(run_id: str) -> str:
    """The run id, if it may be a file's name.

    Raises:
        EvidenceError: it may not.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise EvidenceError(
            "a run id must be 1 to 100 letters, digits, dots, dashes or underscores",
            got=run_id[:100],
            fix="correct it",
        )
    return run_id
