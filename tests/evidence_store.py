"""Evidence stores made to measure: many records, without the runs."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from threadline_ops.evidence.record import RECORD_VERSION, dumps
from threadline_ops.evidence.store import GENESIS, Store
from threadline_ops.sections import EvidenceSettings
from threadline_ops.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


def offline_settings(directory: Path, **evidence: Any) -> Settings:
    return Settings(
        environment="test",
        environment_class="ci",
        evidence=EvidenceSettings(**({"directory": directory, "anchor": "off"} | evidence)),
    )


def body(number: int, **changes: Any) -> dict[str, Any]:
    ended = START + timedelta(minutes=number)
    return {
        "record_version": RECORD_VERSION,
        "store": "test",
        "run_id": f"run-{number}",
        "operation": "retention_purge",
        "mode": "dry_run",
        "status": "OK",
        "outcome": "dry_run",
        "class": "ci",
        "environment": "test",
        "command": "threadline-ops purge",
        "started": (ended - timedelta(seconds=1)).isoformat(),
        "ended": ended.isoformat(),
        "seconds": 1.0,
        "database": None,
        "subject_sha256": None,
        "parameters": {},
        "figures": {"expired_changes": number},
        "statements": [],
        "claims": [],
        "findings": [],
        "settings": {},
        "settings_sha256": None,
        "version": "0",
    } | changes


def fill(directory: Path, count: int, change: Callable[[int], dict[str, Any]] = lambda _: {}) -> Store:
    """A store of `count` chained records; written straight, because durability is not what is measured here."""
    store = Store(directory)
    for folder in (directory, store.chain, store.running):
        folder.mkdir(parents=True)
    previous = GENESIS
    for number in range(1, count + 1):
        record = body(number, **change(number))
        text = f"run {number} did its work\n".encode()
        packed = gzip.compress(text, mtime=0)
        log = {
            "file": f"{record['run_id']}.log.gz",
            "sha256": hashlib.sha256(text).hexdigest(),
            "file_sha256": hashlib.sha256(packed).hexdigest(),
            "bytes": len(packed),
            "lines": 1,
            "reread": True,
        }
        store.log_path(record["run_id"]).write_bytes(packed)
        content = dumps(record | {"sequence": number, "previous": previous, "log": log})
        previous = hashlib.sha256(content).hexdigest()
        store.chain_path(number).write_bytes(content)
        os.link(store.chain_path(number), store.record_path(record["run_id"]))
    (directory / "HEAD").write_bytes(dumps({"sequence": count, "sha256": previous}))
    return store
