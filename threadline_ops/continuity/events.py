"""What a baseline run announces, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
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
