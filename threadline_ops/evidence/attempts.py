"""A run that is tried again leaves one record: of its last attempt, with all of them listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785

from threadline_ops.evidence.files import replace
from threadline_ops.evidence.store import Store
from threadline_ops.plain import plain

#: How long a run may wait for its next attempt before it counts as dead. Whoever knows better says so earlier.
PATIENCE = timedelta(days=1)

_follows: ContextVar[Callable[[BaseException], bool]] = ContextVar("_follows")


@dataclass(frozen=True)
class Attempt:
    """One try of a run."""

    started: datetime
    ended: datetime
    outcome: str


@contextmanager
def retrying(follows: Callable[[BaseException], bool]) -> Generator[None]:
    """Say of the runs within whether another attempt follows when they fail.

    Args:
        follows: asked with the error that ended the attempt.
    """
    token = _follows.set(follows)
    try:
        yield
    finally:
        _follows.reset(token)


def another_follows(error: BaseException) -> bool:
    """Whether whoever runs this will try again after such an error."""
    return _follows.get(lambda _: False)(error)


def hold(store: Store, run_id: str, opening: dict[str, Any], attempts: list[Attempt]) -> None:
    """Leave word that the run is not over; its log stays open for the next attempt."""
    waiting = {
        "attempts": [plain(asdict(attempt)) for attempt in attempts],
        "waits_since": datetime.now(UTC).isoformat(),
    }
    replace(store.opening_path(run_id), rfc8785.dumps(opening | waiting))


def earlier(store: Store, run_id: str) -> list[Attempt]:
    """The attempts of a run that waits for its next one; none if it does not."""
    try:
        opening = json.loads(store.opening_path(run_id).read_bytes())
    except (OSError, ValueError):
        return []  # a store that cannot be used says so when the run's log is opened
    return [
        Attempt(datetime.fromisoformat(one["started"]), datetime.fromisoformat(one["ended"]), one["outcome"])
        for one in opening.get("attempts", [])
    ]


def waits(opening: dict[str, Any], now: datetime) -> bool:
    """Whether a run without a process may still get its next attempt."""
    since = opening.get("waits_since")
    return since is not None and now - datetime.fromisoformat(since) < PATIENCE
