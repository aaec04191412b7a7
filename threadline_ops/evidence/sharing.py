"""One chain on several machines: the local directory and the object store are brought together."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from threadline_ops.errors import EvidenceError
from threadline_ops.evidence.files import replace, written

if TYPE_CHECKING:
    from threadline_ops.evidence.remote import Remote
    from threadline_ops.evidence.store import Head, Store

#: Records that are taken in at a time.
_AT_ONCE = 1_000


def fetch(store: Store, remote: Remote) -> None:
    """Take in every record that the object store has and the directory lacks; the caller holds the store's lock.

    Raises:
        EvidenceError: the object store does not answer.
    """
    from threadline_ops.evidence.store import Head

    known = set(store.sequences())
    missing = [place for place in remote.places() if place not in known]
    for start in range(0, len(missing), _AT_ONCE):
        places = missing[start : start + _AT_ONCE]
        contents = remote.read_all([f"chain/{place:010d}.json" for place in places])
        _take_in(store, remote, {place: content for place, content in zip(places, contents, strict=True) if content})
    if missing:
        newest = store.sequences()[-1]
        store.note(Head(newest, store.sha256(newest) or ""))


def offer(store: Store, remote: Remote, run_id: str, head: Head, content: bytes) -> bool:
    """Take a place in the object store, its log first; false if another machine has it.

    Raises:
        EvidenceError: the object store does not answer, or holds another log or record of this run.
    """
    log, record, place = store.log_path(run_id), f"{run_id}.json", f"chain/{head.sequence:010d}.json"
    if not remote.create(log.name, log.read_bytes()):
        # Of a run that died before its record; with one, this log would be another run's.
        if remote.read(record) is not None:
            raise _taken(run_id)
        remote.create(log.name, log.read_bytes(), over=True)
    if not remote.create(place, content):
        return False
    if not remote.create(record, content):
        raise _taken(run_id)
    return True


def _taken(run_id: str) -> EvidenceError:
    return EvidenceError(
        "the object store has other evidence of this run",
        got=run_id,
        fix="use a new run id; evidence is never replaced",
    )


def _take_in(store: Store, remote: Remote, records: dict[int, bytes]) -> None:
    """Logs first, as when they were recorded."""
    logs = [log for content in records.values() if (log := _log_of(content))]
    for name, content in zip(logs, remote.read_all(logs), strict=True):
        if content is not None and not (store.directory / name).exists():
            replace(store.directory / name, content)
    for place, content in records.items():
        with written(store.directory, content) as temporary:
            os.link(temporary, store.chain_path(place))
        store.name(content, store.chain_path(place))


def _log_of(content: bytes) -> str | None:
    """The log that a record names, if it may be a file's name; what it is worth, `verify` says."""
    try:
        name = str(json.loads(content)["log"]["file"])
    except (ValueError, KeyError, TypeError):
        return None
    return name if re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,99}\.log\.gz", name) else None
