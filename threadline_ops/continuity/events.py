"""What baseline and verification runs announce, and what they came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal


@dataclass(frozen=True)
class ChunkWritten:
    """A chunk was published.

    Attributes:
        table: its name.
        chunk: its number, from 1.
        rows: in it.
        total_rows: in the version so far.
        expected_rows: the planner's estimate for the table.
        duration: from the transaction's start to the manifest's publication.
    """

    table: str
    chunk: int
    rows: int
    total_rows: int
    expected_rows: int
    duration: timedelta


@dataclass(frozen=True)
class Rested:
    """The run waited, outside any transaction, and why.

    Attributes:
        table: its name.
        reason: for people, such as "2 sessions wait for a lock on the table".
        duration: of this rest.
    """

    table: str
    reason: str
    duration: timedelta


BaselineEvent = ChunkWritten | Rested


@dataclass(frozen=True)
class BaselineResult:
    """What a run came to.

    Attributes:
        table: its name.
        version: of the baseline.
        outcome: "complete", or "unchanged" when a complete version was there and no refresh was asked.
        rows: in the version.
        chunks: in the version.
        new_chunks: written by this run; fewer than `chunks` when an earlier run had begun.
        origin: "standby" when any chunk came from one.
        excluded: columns that were left out.
        masked: columns that hold a placeholder.
        place: where the version lies.
        resumable: whether an interrupted run goes on where it ended; a table without a primary key begins anew.
    """

    table: str
    version: int
    outcome: Literal["complete", "unchanged"]
    rows: int
    chunks: int
    new_chunks: int
    origin: Literal["primary", "standby"]
    excluded: tuple[str, ...]
    masked: tuple[str, ...]
    place: str
    resumable: bool


@dataclass(frozen=True)
class RowsVerified:
    """A stretch of the table was compared.

    Attributes:
        table: its name.
        stretches: compared so far.
        rows: live rows compared so far.
        expected_rows: the planner's estimate for the table.
        findings: so far.
    """

    table: str
    stretches: int
    rows: int
    expected_rows: int
    findings: int


@dataclass(frozen=True)
class VerifyResult:
    """What a verification came to.

    Attributes:
        table: its name.
        at: the moment of the snapshot that everything was compared under.
        version: of the baseline; None when there is no complete one.
        rows: live rows compared.
        changes: captured changes read.
        counts: findings by kind; every kind is there.
        whole: whether the whole table was compared, not a sample of the baseline's chunks.
        reordered: rows that agree with another change of the newest one's transaction, because a trigger that
            writes to its own row makes capture see the inner write first.
        unidentified: changes that name no key; where there are any, a missing row is unknown, not vanished.
        not_compared: columns of the table or of the baseline that took no part.
        table_replaced: another table has taken the name since the baseline.
        since: the earliest moment at which any gap can have happened; None without gaps.
        until: the latest.
        origin: "standby" when this was not read from the primary.
        report: the file that names the rows.
        summary: the file beside it.
        control_failed: with a live row taken away, and with another hash for a chunk, the comparison failed, as it
            must; None where there was no row to take away.
    """

    table: str
    at: datetime
    version: int | None
    rows: int
    changes: int
    counts: dict[str, int]
    whole: bool
    reordered: int
    unidentified: int
    not_compared: tuple[str, ...]
    table_replaced: bool
    since: datetime | None
    until: datetime | None
    origin: str
    report: str
    summary: str
    control_failed: bool | None = None

    @property
    def gaps(self) -> int:
        """Rows that prove a write past capture."""
        return sum(self.counts[kind] for kind in ("bypassed", "vanished", "appeared"))
