"""What a record says of its run, from what is known before the work to what is known after it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import rfc8785

from threadline_ops import __version__, sql
from threadline_ops.evidence.record import RECORD_VERSION
from threadline_ops.plain import plain
from threadline_ops.settings import Settings

if TYPE_CHECKING:
    from threadline_ops.evidence.recording import Recording


def opening(
    settings: Settings, operation: str, run_id: str, mode: str, command: str, started: datetime
) -> dict[str, Any]:
    """What is known before the work; all that is left of it when the process is killed."""
    configuration = settings.redacted()
    return {
        "record_version": RECORD_VERSION,
        "run_id": run_id,
        "operation": operation,
        "mode": mode,
        "class": settings.environment_class,
        "environment": settings.environment,
        "command": command,
        "started": started.isoformat(),
        "settings": configuration,
        "settings_sha256": hashlib.sha256(rfc8785.dumps(configuration)).hexdigest(),
        "version": __version__,
    }


def record(active: Recording, settings: Settings, log: dict[str, Any]) -> dict[str, Any]:
    """Everything, once the run has ended and its log is stored."""
    known = opening(settings, active.operation, active.run_id, active.mode, active.command, active.started)
    database = None if active.identity is None else asdict(active.identity) | {"pooler": active.pooler}
    subject = None
    if active.subject is not None:
        subject = hashlib.sha256(rfc8785.dumps(plain(active.subject))).hexdigest()
    return known | {
        "status": "OK" if active.outcome in ("complete", "dry_run") else "Issue",
        "outcome": active.outcome,
        "ended": datetime.now(UTC).isoformat(),
        "seconds": active.seconds,
        "database": database,
        "subject_sha256": subject,
        "about": active.about,
        "parameters": plain(active.parameters),
        "figures": plain(active.figures),
        "statements": [{"file": f"{name}.sql", "sha256": sql.digest(name)} for name in active.statements],
        "claims": [claim.record() for claim in active.claims],
        "findings": [finding.record() for finding in active.findings],
        "scopes": list(active.scopes),
        "attempts": [plain(asdict(attempt)) for attempt in active.attempts],
        "log": log,
    }
