"""The account that PostgreSQL runs under, and the one way in which this package starts a process."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from threadline_ops.errors import DatabaseError

#: PostgreSQL refuses to run as root; this account exists everywhere and owns nothing.
UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """Who runs the server; all None means: whoever runs us."""

    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None


@cache
def account() -> Account:
    """The current user, or an unprivileged one when that is root.

    Raises:
        DatabaseError: we are root and there is nobody to hand over to.
    """
    if os.geteuid() != 0:
        return Account()
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise DatabaseError(
            "postgresql does not run as root, and there is no account to run it under",
            got=UNPRIVILEGED,
            fix=f"add a system user {UNPRIVILEGED}, or run this command as another user than root",
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, ())


def spawn(
    command: Sequence[str | Path],
    *,
    stdin: int = subprocess.DEVNULL,
    output: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a process under `account()`, in a session and an environment of its own.

    A session of its own, because Ctrl-C in the terminal must reach us alone: we then stop the server. An
    environment of its own, because ours may hold connection strings, and PG* variables that mislead.
    """
    runner = account()
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",  # ours may be a directory that the other account cannot enter
        env={"PATH": os.defpath, "LC_ALL": "C"},
        start_new_session=True,
        user=runner.user,
        group=runner.group,
        extra_groups=runner.extra_groups,
    )


def can_enter(path: Path) -> bool:
    """Whether the server's account may enter a directory, or execute a file, at this path.

    The system is asked, under that account: modes alone say nothing of access lists and mandatory controls.
    """
    if account().user is None:
        return os.access(path, os.X_OK)
    return spawn(["/bin/sh", "-c", 'test -x "$1"', "sh", path]).wait() == 0


def hand_over(path: Path) -> None:
    """Give one of our own files or directories to the server's account."""
    runner = account()
    if runner.user is not None and runner.group is not None:
        os.chown(path, runner.user, runner.group, follow_symlinks=False)
