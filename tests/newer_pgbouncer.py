"""A PgBouncer that knows max_prepared_statements (1.21 and later), where the system's own is older.

Debian's next release has one. It runs here with that release's own C library and loader, unpacked beside it, and
apt keeps lists of its own for this, so nothing of the system changes.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.pgbouncer import Program, program
from threadline_ops.embedded import scratch

FIRST = (1, 21)
_RELEASE = "trixie"
_PACKAGES = (
    "pgbouncer", "libc6", "libevent-2.1-7t64", "libcares2", "libssl3t64", "libpam0g", "libsystemd0",
)  # fmt: skip
_SECONDS = 180


def version(executable: Program) -> tuple[int, ...]:
    """Such as (1, 18, 0)."""
    shown = subprocess.run(
        [str(word) for word in executable.command("--version")], capture_output=True, text=True, check=True
    )
    found = re.search(r"PgBouncer (\d+(?:\.\d+)+)", shown.stdout)
    assert found
    return tuple(int(part) for part in found[1].split("."))


@cache
def newer() -> Program | None:
    """The system's PgBouncer if it is new enough, else Debian's next one; None where that cannot be had."""
    if version(program()) >= FIRST:
        return program()
    if shutil.which("apt-get") is None or not Path("/etc/debian_version").exists():
        return None
    place = scratch.root() / "pgbouncer-newer"
    scratch.make_directory(place, 0o755)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        root = place / "root"
        if not (root / "complete").exists():
            shutil.rmtree(root, ignore_errors=True)
            if not _fetch(place, root):
                return None
            (root / "complete").touch()
    loaders = sorted(root.glob("usr/lib/*/ld-linux-*.so.*"))
    libraries = sorted({str(path.parent) for path in root.glob("usr/lib/*/*.so*")})
    return Program(str(root / "usr/sbin/pgbouncer"), ":".join(libraries), str(loaders[0])) if loaders else None


def _archive() -> str | None:
    """The archive that this machine's own packages come from; the next release lies in the same one."""
    wanted = ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(LABEL)|$(COMPONENT)"]
    shown = subprocess.run(wanted, capture_output=True, text=True, check=False).stdout
    lines = (line.split("|") for line in shown.splitlines())
    return next((uri for uri, label, component in lines if (label, component) == ("Debian", "main")), None)


def _fetch(place: Path, root: Path) -> bool:
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (place / name).mkdir(parents=True, exist_ok=True)
    sources = place / "sources.list"
    archive = _archive()
    if archive is None:
        return False
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources.write_text(f"deb [signed-by={keyring}] {archive} {_RELEASE} main\n")
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": place / "lists",
        "Dir::Cache": place / "cache",
        "APT::Sandbox::User": "",
    }
    words = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    for command in (["update"], ["download", *(f"{name}/{_RELEASE}" for name in _PACKAGES)]):
        done = subprocess.run(
            [*words, *command], cwd=place / "packages", env=os.environ | {"LC_ALL": "C"},
            capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            return False
    packages = sorted((place / "packages").glob("*.deb"))
    return all(subprocess.run(["dpkg", "-x", package, root], check=False).returncode == 0 for package in packages)
