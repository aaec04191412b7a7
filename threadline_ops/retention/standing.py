"""Holds and steering as whole runs: what stands beside the purges leaves evidence as they do.

A hold may name a row or a person, so of what it names only that it is named reaches the record.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from threadline_ops import evidence
from threadline_ops.database import Database, opened
from threadline_ops.retention import holds
from threadline_ops.retention.control import Control, steer
from threadline_ops.retention.holds import Hold
from threadline_ops.settings import Settings

HOLD, RELEASE, STEER = "hold_add", "hold_release", "purge_control"


def place_hold(settings: Settings, hold: Hold, *, by: str | None = None) -> int:
    """Place a hold once, leaving one evidence record; its number.

    Raises:
        OpsError: it was refused; nothing is held by it.
    """
    with _recorded(settings, HOLD, "threadline-ops hold list") as (recording, database):
        database.require_audit_schema()
        number = holds.add(database, hold, by=by)
        named = sorted(name for name, value in asdict(hold).items() if value is not None and name != "reason")
        recording.figures.update(hold=number, named=named)
        recording.log(f"hold {number} is in force; it names {', '.join(named)}")
    return number


def release_hold(settings: Settings, number: int, *, reason: str, by: str | None = None) -> None:
    """Release a hold once, leaving one evidence record.

    Raises:
        OpsError: it was refused; the hold stands.
    """
    with _recorded(settings, RELEASE, "threadline-ops hold list --all") as (recording, database):
        holds.release(database, number, reason=reason, by=by)
        recording.figures.update(hold=number)
        recording.log(f"hold {number} is released")


def steer_purges(settings: Settings, **asked: Any) -> Control:
    """Pause or resume purges once, leaving one evidence record; see `steer` for the arguments.

    Raises:
        OpsError: it was refused.
    """
    with _recorded(settings, STEER, "threadline-ops purge-control show") as (recording, database):
        control = steer(database, **asked)
        recording.figures.update(paused=control.paused, batch_size=control.batch_size)
        recording.log("purges are asked to rest" if control.paused else "purges may go on")
    return control


@contextmanager
def _recorded(settings: Settings, operation: str, command: str) -> Generator[tuple[evidence.Recording, Database]]:
    with (
        evidence.recording(settings, operation, run_id=None, mode="execute", command=command) as recording,
        opened(settings, operation) as database,
    ):
        recording.identity = database.identity()
        yield recording, database
