"""Records for runs that could not write their own: killed, canceled before they began, or unable to record."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from threadline_ops.errors import EvidenceError
from threadline_ops.evidence import attempts
from threadline_ops.evidence.logfile import LogFile
from threadline_ops.evidence.record import RECORD_VERSION, dumps
from threadline_ops.evidence.redaction import scrubbed, scrubber
from threadline_ops.evidence.store import Store, store_of
from threadline_ops.settings import Settings


def finish_killed(store: Store, settings: Settings) -> list[str]:
    """Record every run whose process died before it could; the runs' ids.

    A live run holds the lock of its log, so only the dead are touched, and each by one caller.

    Raises:
        EvidenceError: the store cannot be written.
    """
    finished: list[str] = []
    for opening in sorted(store.running.glob("*.json")):
        run_id = opening.stem
        if _waits(opening):
            continue
        with _taken_over(store, run_id) as log:
            if log is not None and _finish(store, settings, run_id, log):
                finished.append(run_id)
    return finished


def record_absent(
    settings: Settings,
    *,
    run_id: str,
    operation: str,
    mode: str,
    command: str,
    started: datetime | None,
    ended: datetime,
    outcome: str,
    line: str,
) -> bool:
    """Record a run that somebody else saw; true if it had no record and was not at work.

    Args:
        settings: where evidence is kept.
        run_id: of the run, as others know it.
        operation: what ran.
        mode: "dry_run", "execute" or "unknown".
        command: the command line that repeats it.
        started: None if it never did.
        ended: when it ended.
        outcome: "complete" is OK, everything else an Issue.
        line: what is known, for its log.

    Raises:
        EvidenceError: the store cannot be written.
    """
    store = store_of(settings)
    finish_killed(store, settings)
    steps = store.running.glob(f"{run_id}.*.json")
    waiting = [path.stem for path in (store.opening_path(run_id), *steps) if _waits(path)]
    for waiter in waiting:
        with _taken_over(store, waiter) as log:
            if log is not None:
                _finish(store, settings, waiter, log, "failed", f"no attempt followed: {line}")
    if waiting or has_evidence(store, run_id):
        return bool(waiting)
    opening = {
        "record_version": RECORD_VERSION,
        "run_id": run_id,
        "operation": operation,
        "mode": mode,
        "class": settings.environment_class,
        "environment": settings.environment,
        "command": command,
        "started": None if started is None else started.isoformat(),
        "settings": None,
        "settings_sha256": None,
        "version": None,
    }
    with store.log(run_id, opening) as log:
        log.write(f"{ended.isoformat(timespec='milliseconds')} {line}\n")
        _put(store, settings, opening, log, outcome, ended)
    return True


def has_evidence(store: Store, run_id: str) -> bool:
    """Whether a run has a record or is about to have one.

    A run of several operations records each as `<run id>.<step>`; any of them is evidence of the run.
    """
    if store.record_path(run_id).exists() or store.partial_path(run_id).exists():
        return True
    return any(store.directory.glob(f"{run_id}.*.json")) or any(store.running.glob(f"{run_id}.*.partial"))


@contextmanager
def _taken_over(store: Store, run_id: str) -> Generator[LogFile | None]:
    """The log of a dead run, locked by us; None if the run is alive or done."""
    with store.lock():
        log = None
        if store.opening_path(run_id).exists():
            log = LogFile(store.partial_path(run_id), store.log_path(run_id), resume=True)
    try:
        yield log if log is not None and log.ours else None
    finally:
        if log is not None:
            log.close()


def _waits(opening: Path) -> bool:
    """Whether a run waits for its next attempt, so that it is not dead."""
    try:
        return attempts.waits(json.loads(opening.read_bytes()), datetime.now(UTC))
    except (FileNotFoundError, ValueError):
        return False


def _finish(
    store: Store,
    settings: Settings,
    run_id: str,
    log: LogFile,
    outcome: str = "killed",
    line: str = "killed: its process ended without a word; noted by a later run",
) -> bool:
    with store.lock():
        store.head()  # takes in a record whose process died right after adding it
    if store.record_path(run_id).exists():
        store.clear(run_id)
        return False
    try:
        opening: dict[str, Any] = json.loads(store.opening_path(run_id).read_bytes())
    except ValueError:
        raise EvidenceError(
            "what a killed run left behind cannot be read",
            got=str(store.opening_path(run_id)),
            fix="look at it and at the .partial beside it, then move both away",
        ) from None
    now = datetime.now(UTC)
    last = datetime.fromtimestamp(store.partial_path(run_id).stat().st_mtime, UTC)
    opening.pop("waits_since", None)
    log.write(f"{now.isoformat(timespec='milliseconds')} {line}\n")
    _put(store, settings, opening, log, outcome, last)
    return True


def _put(
    store: Store, settings: Settings, opening: dict[str, Any], log: LogFile, outcome: str, ended: datetime
) -> None:
    run_id = str(opening["run_id"])
    alone: dict[str, Any] = {"attempts": []}
    body: dict[str, Any] = (
        alone
        | opening
        | {
            "status": "OK" if outcome == "complete" else "Issue",
            "outcome": outcome,
            "ended": ended.isoformat(),
            "seconds": None,
            "database": None,
            "subject_sha256": None,
            "about": None,
            "parameters": {},
            "figures": {},
            "statements": [],
            "claims": [],
            "findings": [],
            "scopes": [],
            "log": log.finish(),
        }
    )
    clean = scrubbed(body, scrubber(settings))
    store.put(
        run_id,
        lambda sequence, previous: dumps(
            clean | {"sequence": sequence, "previous": previous, "store": settings.evidence_store}
        ),
    )
    store.clear(run_id)
