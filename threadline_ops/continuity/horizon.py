"""The audit horizon: changes captured before it may have been purged, so a replay cannot rely on them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from threadline_ops.database import Identity
from threadline_ops.retention import Policy
from threadline_ops.settings import Settings


def horizon(settings: Settings, identity: Identity, now: datetime) -> datetime | None:
    """The newest cutoff of any purge of this database that evidence or the policy knows of.

    A purge by other means leaves no trace to go by.

    Args:
        settings: the policy, and where evidence is.
        identity: of the database.
        now: the database's clock.
    """
    cutoffs: list[datetime] = []
    if settings.retention.enabled:
        cutoffs.append(Policy.from_settings(settings.retention).cutoff(now))
    for path in settings.evidence.directory.glob("*.json"):
        cutoff = _purged_before(json.loads(path.read_bytes()), identity)
        if cutoff is not None:
            cutoffs.append(cutoff)
    return max(cutoffs, default=None)


def _purged_before(record: dict[str, Any], identity: Identity) -> datetime | None:
    database: dict[str, Any] = record.get("database") or {}
    here = (database.get("system_identifier"), database.get("database"))
    if here != (identity.system_identifier, identity.database) or not record.get("figures", {}).get("deleted_changes"):
        return None
    cutoff = record.get("parameters", {}).get("cutoff")
    return datetime.fromisoformat(cutoff) if cutoff else None
