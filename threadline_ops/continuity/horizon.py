"""The audit horizon: changes captured before it may have been purged, so a replay cannot rely on them."""

from __future__ import annotations

from datetime import datetime

from threadline_ops.database import Identity
from threadline_ops.investigate import purged_before
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
    purged = purged_before(
        settings.evidence.directory, system_identifier=identity.system_identifier, database=identity.database
    )
    return max([*cutoffs, *([purged] if purged else [])], default=None)
