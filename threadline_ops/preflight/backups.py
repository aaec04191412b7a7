"""Do backups reach back as far as a purge would need them to?"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: A backup tool that lists its backups answers within seconds; a longer wait is a hanging repository.
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Archiver:
    """What pg_stat_archiver says."""

    mode: str
    archived: int
    last_archived: datetime | None
    failed: int
    last_failed: datetime | None
    standby: bool


@dataclass(frozen=True)
class Window:
    """What can be recovered: from the end of the oldest backup on; `newest` is the end of the newest."""

    oldest: datetime
    newest: datetime


def objection(archiver: Archiver, window: Window | None, purged: datetime | None) -> str | None:
    """Why the backups would not bring back what the newest purge took, or None if they would.

    Args:
        archiver: of the server.
        window: of the backup tool; None if it has no backup.
        purged: when the newest executed purge began; None if none has run.
    """
    if archiver.mode == "off":
        return "archive_mode is off: no moment between two backups can be recovered"
    if not archiver.standby and archiver.last_archived is None:
        return "no write-ahead log has been archived yet"
    if archiver.last_failed and archiver.last_archived and archiver.last_failed > archiver.last_archived:
        return f"archiving fails since {archiver.last_failed:%Y-%m-%d %H:%M} UTC"
    if window is None:
        return "the backup tool knows no backup"
    if purged and window.oldest > purged:
        return (
            f"the oldest backup is of {window.oldest:%Y-%m-%d %H:%M} UTC, after the purge of "
            f"{purged:%Y-%m-%d %H:%M} UTC: what that purge took cannot be brought back"
        )
    return None


def run_command(command: tuple[str, ...]) -> Window | str | None:
    """Ask the backup tool; a text says why it could not be asked. Its output stays here: it may name hosts."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the backup command cannot be run: {type(error).__name__}"
    if done.returncode != 0:
        return f"the backup command ended with status {done.returncode}"
    try:
        return window_of(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):
        return "the backup command's output is not pgBackRest's JSON"


def window_of(info: list[dict[str, Any]]) -> Window | None:
    """The recoverable window in pgBackRest's `info --output=json`: backups without an error, over all stanzas."""
    ends = [
        datetime.fromtimestamp(backup["timestamp"]["stop"], UTC)
        for stanza in info
        for backup in stanza["backup"]
        if not backup.get("error")
    ]
    return Window(min(ends), max(ends)) if ends else None
