"""What a run has deleted so far, shared by its workers and readable after any end."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from threadline_ops.retention.events import ActionsDeleted, BatchDeleted, PartitionDropped, Paused, RangeSwept

_MODULUS = 1 << 64


@dataclass
class TableTally:
    """What went from one table's history.

    Attributes:
        changes: how many.
        oldest: the least captured_at among them, as PostgreSQL writes it in UTC.
        newest: the greatest.
        fingerprint: two sums of 64-bit hashes of the ids, modulo 2^64; independent of order and batches.
    """

    changes: int = 0
    oldest: str = ""
    newest: str = ""
    fingerprint: tuple[int, int] = (0, 0)

    def add(self, row: dict[str, Any]) -> None:
        """Merge what one batch deleted."""
        self.changes += int(row["changes"])
        self.oldest = min(self.oldest or row["oldest"], row["oldest"])
        self.newest = max(self.newest, row["newest"])
        low, high = self.fingerprint
        self.fingerprint = ((low + int(row["low"])) % _MODULUS, (high + int(row["high"])) % _MODULUS)


@dataclass
class Tally:
    """Totals as last committed.

    Attributes:
        batches: batches that deleted something.
        changes: deleted changes.
        transactions: deleted transactions, with their last change or by the sweep.
        tables: by (schema, table).
        partitions: those that were dropped whole, as schema.name.
        actions: deleted actions.
    """

    batches: int = 0
    changes: int = 0
    transactions: int = 0
    tables: dict[tuple[str, str], TableTally] = field(default_factory=dict[tuple[str, str], TableTally])
    partitions: list[str] = field(default_factory=list[str])
    actions: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def batch(self, rows: Iterable[dict[str, Any]], transactions: int, duration: timedelta) -> BatchDeleted:
        """Count a committed batch."""
        with self._lock:
            deleted = self._add(rows)
            self.batches += 1
            self.transactions += transactions
            return BatchDeleted(self.batches, deleted, transactions, self.changes, self.transactions, duration)

    def dropped(self, partition: str, rows: Iterable[dict[str, Any]], duration: timedelta) -> PartitionDropped:
        """Count a partition that went whole."""
        with self._lock:
            deleted = self._add(rows)
            self.partitions.append(partition)
            return PartitionDropped(self.batches, partition, deleted, self.changes, self.transactions, duration)

    def acted(self, actions: int, duration: timedelta) -> ActionsDeleted:
        """Count a committed batch of actions."""
        with self._lock:
            self.actions += actions
            return ActionsDeleted(self.batches, actions, self.actions, self.changes, self.transactions, duration)

    def swept(self, blocks: int, transactions: int, duration: timedelta) -> RangeSwept:
        """Count a committed range."""
        with self._lock:
            self.transactions += transactions
            return RangeSwept(self.batches, blocks, transactions, self.changes, self.transactions, duration)

    def paused(self, reason: str, duration: timedelta) -> Paused:
        """Note a rest, with the totals at that time."""
        with self._lock:
            return Paused(self.batches, reason, self.changes, self.transactions, duration)

    def _add(self, rows: Iterable[dict[str, Any]]) -> int:
        before = self.changes
        for row in rows:
            self.tables.setdefault((row["table_schema"], row["table_name"]), TableTally()).add(row)
            self.changes += int(row["changes"])
        return self.changes - before
