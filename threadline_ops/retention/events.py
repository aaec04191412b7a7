"""What a purge announces while it works, and what it says at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal


@dataclass(frozen=True)
class BatchDeleted:
    """One committed batch.

    Attributes:
        batch: its number, from 1, over all workers.
        deleted_changes: changes deleted by it.
        deleted_transactions: transactions deleted by it.
        total_changes: changes deleted by the run so far.
        total_transactions: transactions deleted by the run so far.
        duration: from the start of the database transaction to its commit.
    """

    batch: int
    deleted_changes: int
    deleted_transactions: int
    total_changes: int
    total_transactions: int
    duration: timedelta


@dataclass(frozen=True)
class RangeSwept:
    """One committed range of transactions, looked through for empty ones.

    Ranges without any are announced now and then, so that a caller can stop a long sweep.

    Attributes:
        batch: batches so far; a range is none.
        blocks: heap blocks of the range.
        deleted_changes: always 0.
        deleted_transactions: empty transactions deleted in the range.
        total_changes: changes deleted by the run so far.
        total_transactions: transactions deleted by the run so far.
        duration: from the start of the database transaction to its commit.
    """

    batch: int
    blocks: int
    deleted_transactions: int
    total_changes: int
    total_transactions: int
    duration: timedelta
    deleted_changes: int = 0


@dataclass(frozen=True)
class PartitionDropped:
    """One partition that went whole.

    Attributes:
        batch: batches so far; a partition is none.
        partition: schema.name.
        deleted_changes: changes that it held.
        deleted_transactions: always 0: those that it leaves empty are swept.
        total_changes: changes deleted by the run so far.
        total_transactions: transactions deleted by the run so far.
        duration: of the transaction that dropped it.
    """

    batch: int
    partition: str
    deleted_changes: int
    total_changes: int
    total_transactions: int
    duration: timedelta
    deleted_transactions: int = 0


@dataclass(frozen=True)
class ActionsDeleted:
    """One committed batch of actions that belonged to no transaction any more.

    Attributes:
        batch: batches of changes so far.
        deleted_actions: actions deleted by it.
        total_actions: actions deleted by the run so far.
        total_changes: changes deleted by the run so far.
        total_transactions: transactions deleted by the run so far.
        duration: from the start of the database transaction to its commit.
        deleted_changes: always 0.
        deleted_transactions: always 0.
    """

    batch: int
    deleted_actions: int
    total_actions: int
    total_changes: int
    total_transactions: int
    duration: timedelta
    deleted_changes: int = 0
    deleted_transactions: int = 0


@dataclass(frozen=True)
class Paused:
    """The purge rested, outside any transaction, and why.

    Attributes:
        batch: batches so far.
        reason: for people, such as "2 sessions wait for a lock on the audit tables".
        total_changes: changes deleted by the run so far.
        total_transactions: transactions deleted by the run so far.
        duration: of this rest.
        deleted_changes: always 0.
        deleted_transactions: always 0.
    """

    batch: int
    reason: str
    total_changes: int
    total_transactions: int
    duration: timedelta
    deleted_changes: int = 0
    deleted_transactions: int = 0


PurgeEvent = BatchDeleted | RangeSwept | PartitionDropped | ActionsDeleted | Paused


@dataclass(frozen=True)
class PurgeResult:
    """What a purge did.

    Attributes:
        cutoff: changes captured strictly before it were expired.
        deleted_changes: over all batches.
        deleted_transactions: over all batches and swept ranges.
        batches: how many deleted something.
        outcome: "complete" when no expired change is left that may go; "capped" when max_batches or
            max_duration, or the end of the allowed hours, ended the run before.
        remaining_changes: expired changes that may go and are left.
        held_changes: expired changes that stay because of a hold or keep_current.
        swept: whether all transactions were looked through for empty ones.
        partitions: those that went whole, as schema.name, in the order they went.
        by_rows: why a partitioned audit_changes was purged by rows alone; None when it was not.
        deleted_actions: actions that belonged to no transaction any more.
    """

    cutoff: datetime
    deleted_changes: int
    deleted_transactions: int
    batches: int
    outcome: Literal["complete", "capped"]
    remaining_changes: int
    held_changes: int = 0
    swept: bool = False
    partitions: tuple[str, ...] = ()
    by_rows: str | None = None
    deleted_actions: int = 0
