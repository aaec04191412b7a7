"""Our one directory below the system's temporary directory, and locks that end with their process.

`<temporary>/threadline-ops-<uid>/` holds temporary servers (t-*), what a server's home cannot hold (the data
of o-*, the sockets of s-*), and a copy of the binaries where the wheel is out of the server's reach.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from threadline_ops.embedded.account import account, can_enter, hand_over
from threadline_ops.errors import DatabaseError

#: Every home has this file: it marks the directory as ours, names the owner, and is locked while that lives.
LOCK = "server.lock"
#: Another name of that same file, beside data that lie outside their home.
TIE = "home.lock"
#: A socket's whole path is at most 103 bytes (macOS; Linux: 107), of which "/.s.PGSQL.65535" takes 15.
LONGEST_SOCKET_DIRECTORY = 88
#: Leaves room for "/t-12345678/data" in a socket's path.
LONGEST_ROOT = LONGEST_SOCKET_DIRECTORY - 16


def root(wanted: Path | None = None) -> Path:
    """Our directory, made if need be.

    Args:
        wanted: the directory to make it in; without it, the first temporary directory of the system that will do.

    Raises:
        DatabaseError: no temporary directory will do, or somebody else made ours before us.
    """
    name = f"threadline-ops-{os.geteuid()}"
    usual = (tempfile.gettempdir(), "/tmp", "/var/tmp")  # noqa: S108 - made safely below
    for parent in dict.fromkeys((str(wanted),) if wanted else usual):
        path = Path(parent, name)
        if len(os.fsencode(path)) > LONGEST_ROOT or not can_enter(Path(parent)):
            continue
        make_directory(path, 0o700 if account().user is None else 0o711)
        found = path.lstat()
        # The name can be guessed, so a directory or link that another user put there must not be followed.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise DatabaseError(
                "the directory for embedded servers belongs to somebody else",
                got=str(path),
                fix="remove it, or set TMPDIR to a directory of your own",
            )
        return path
    raise DatabaseError(
        "no temporary directory is short enough and open to the server's account",
        got=str(wanted or tempfile.gettempdir()),
        fix="set TMPDIR to a directory that every user may enter, of at most 50 bytes",
    )


def make_directory(path: Path, mode: int) -> None:
    """Make a directory of ours with exactly this mode; one that exists is left as it is."""
    try:
        path.mkdir(parents=True)
    except FileExistsError:
        return
    path.chmod(mode)  # mkdir's mode is cut by the umask


def place_for(home: Path, kind: str) -> Path:
    """The directory in `root()` that belongs to this home: the same one at every start."""
    return root() / f"{kind}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}"


def tie(home: Path, place: Path) -> None:
    """Let a place outside a home tell, by a second name of the home's lock, whether that home was deleted.

    A path would not do: a home that was moved, or lies on a disk that is not mounted, is not deleted. The count of
    a file's names knows the one, and the other has none here: a name cannot lead to another file system, and what
    cannot be tied stays until somebody removes it.
    """
    with exclusively():
        (place / TIE).unlink(missing_ok=True)
        with suppress(OSError):
            os.link(home / LOCK, place / TIE)


def lock_of_deleted(place: Path) -> IO[str] | None:
    """The lock of a place whose home was deleted; the caller holds `root()`.

    Returns:
        The file to close, or None if the home exists, nothing tells, or its server's owner lives.
    """
    try:
        names = (place / TIE).lstat().st_nlink
    except FileNotFoundError:
        return None
    return try_lock(place / TIE) if names == 1 else None


def socket_directory(home: Path, data: Path) -> Path:
    """Where the server's socket goes: the data directory, private as it is, unless its path is too long."""
    if len(os.fsencode(data)) <= LONGEST_SOCKET_DIRECTORY:
        return data
    short = place_for(home, "s")
    make_directory(short, 0o700)
    hand_over(short)
    return short


def try_lock(path: Path) -> IO[str] | None:
    """Take a lock that the kernel gives back when its holder dies, however it dies.

    Returns:
        The file to close, or None if another holder lives.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")  # for people; the lock itself says whether the holder lives
    file.flush()
    return file


@contextmanager
def exclusively(wanted: Path | None = None) -> Generator[Path]:
    """Hold `root()` for as long as it takes to make, sweep or copy something there."""
    path = root(wanted)
    # Private: any user who may open a file may lock it too, and keep us waiting.
    with os.fdopen(os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield path
