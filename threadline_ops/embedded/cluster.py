"""A server's home on disk: who may use it, where its data are, and how they come to be."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import IO

from threadline_ops.embedded import binaries, process, scratch
from threadline_ops.embedded.account import can_enter, hand_over, spawn
from threadline_ops.errors import DatabaseError

SUPERUSER = "postgres"
DATA = "data"
PASSWORD = "password"  # noqa: S105 - a file's name
LOG = "server.log"
PORT = "port"
INITDB_SECONDS = 120.0
TAIL_LINES = 12


def home(directory: Path) -> Path:
    """The absolute path of a server's home, made if need be.

    Raises:
        DatabaseError: the directory holds something else than a server of ours.
    """
    path = Path(os.path.realpath(directory))
    try:
        scratch.make_directory(path, 0o755)
        usable = path.is_dir() and os.access(path, os.R_OK | os.W_OK | os.X_OK)
    except OSError:
        usable = False
    if not usable:
        raise DatabaseError(
            "the embedded server cannot use its directory",
            got=str(path),
            fix="name a directory that you may read and write; root's servers are root's",
        )
    if any(path.iterdir()) and not (path / scratch.LOCK).exists():
        raise DatabaseError(
            "the directory for the embedded server holds something else",
            got=str(path),
            fix="name an absent or empty directory, or one that an embedded server made",
        )
    return path


def data_directory(home: Path) -> Path | None:
    """Where the server's data are, or None if it has none yet.

    Raises:
        DatabaseError: the server of this version cannot reach or read them.
    """
    link = home / DATA
    if not os.path.lexists(link):
        return None
    data = link.readlink() if link.is_symlink() else link
    if not data.exists() or not can_enter(data):
        raise DatabaseError(
            "the embedded server's data have gone, or its account cannot enter their directory",
            got=str(data),
            fix=f"go on as the user who made them, or remove {home} to begin anew",
        )
    version = (data / "PG_VERSION").read_text().strip()
    if version != binaries.MAJOR:
        raise DatabaseError(
            f"the embedded server's data are of another postgresql than {binaries.MAJOR}",
            got=version,
            fix=f"move them with pg_dump, or remove {home} to begin anew",
        )
    return data


def initialise(home: Path, *, durable: bool) -> Path:
    """Make a new cluster with a random password, reachable by password only.

    It is made under another name first, so that what a killed process left is never taken for a cluster.

    Raises:
        DatabaseError: initdb failed; the message has the end of its output.
    """
    place = home
    if not can_enter(home):
        place = scratch.place_for(home, "o")
        scratch.make_directory(place, 0o711)
        scratch.tie(home, place)
    # Data without a link to them are what somebody left who removed the home: their password is lost.
    process.end_orphan(place / DATA)
    data, partial, secret = place / DATA, place / "data.partial", place / "password.partial"
    for leftover in (data, partial):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(mode=0o700)
    hand_over(partial)
    password = secrets.token_urlsafe(32)
    _write_private(home / PASSWORD, password)
    try:
        _write_private(secret, password)
        hand_over(secret)
        _initdb(home, partial, secret, durable=durable)
    finally:
        secret.unlink(missing_ok=True)
    partial.rename(data)
    if place != home:
        (home / DATA).symlink_to(data)
    return data


def log(home: Path) -> IO[bytes]:
    """The log, open to append; statements in it may show data, so only its owner may read it."""
    return os.fdopen(os.open(home / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def tail(home: Path, start: int) -> str:
    """The last lines of the log since a position in it."""
    with open(home / LOG, "rb") as file:
        file.seek(start)
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def _initdb(home: Path, data: Path, secret: Path, *, durable: bool) -> None:
    # The built-in C.UTF-8 sorts by code point and knows Unicode's cases, alike on every system.
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = [f"--username={SUPERUSER}", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"]
    command = [binaries.directory() / "initdb", "-D", data, *locale, *access, f"--pwfile={secret}"]
    command += ["--no-instructions"] + ([] if durable else ["--no-sync"])
    with log(home) as output:
        start = output.tell()
        initdb = spawn(command, output=output)
    try:
        code = initdb.wait(INITDB_SECONDS)
    except BaseException as error:
        initdb.kill()
        initdb.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        code = -1
    if code:
        raise DatabaseError(
            f"initdb failed in {data}; its output ends with:\n{tail(home, start)}\n",
            fix="correct what it names (disk space, shared memory, permissions) and start again",
        )


def _write_private(path: Path, content: str) -> None:
    path.unlink(missing_ok=True)  # an old one might have another owner or mode
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
