"""The dry run: what a purge with this cutoff would delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from threadline_ops.database import Database
from threadline_ops.retention.policy import Policy


@dataclass(frozen=True)
class Preview:
    """Counts at one moment; a purge that follows at once on a quiet database deletes exactly these.

    Attributes:
        cutoff: changes captured strictly before it are expired.
        expired_changes: how many are.
        emptied_transactions: transactions that lose their last change, so that they would go too.
        straddling_transactions: transactions that lose some changes and keep others.
        kept_changes: changes that stay.
        oldest: captured_at of the oldest change, if there is any.
        batches: how many batches the purge takes.
    """

    cutoff: datetime
    expired_changes: int
    emptied_transactions: int
    straddling_transactions: int
    kept_changes: int
    oldest: datetime | None
    batches: int


def preview(database: Database, policy: Policy, *, now: datetime, cutoff: datetime | None = None) -> Preview:
    """Count, in one snapshot and without a statement timeout, what a purge would delete.

    Raises:
        PolicyError: the cutoff is not acceptable.
        UnsafeDatabase: row-level security hides rows from this role.
    """
    limit = policy.cutoff(now, cutoff)
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0):
        database.one("retention/row_security_off")
        changes = database.one("retention/count_expired_changes", {"cutoff": limit})
        transactions = database.one("retention/count_touched_transactions", {"cutoff": limit})
    expired, kept, oldest = changes
    emptied, straddling = transactions
    return Preview(
        cutoff=limit,
        expired_changes=expired,
        emptied_transactions=emptied if policy.delete_empty_transactions else 0,
        straddling_transactions=straddling,
        kept_changes=kept,
        oldest=oldest,
        batches=-(-expired // policy.batch_size),
    )
