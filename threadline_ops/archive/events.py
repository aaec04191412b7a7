"""What the archive's operations yield while they work; everything that an event tells is committed or published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from threadline_ops.archive.problems import Problem
from threadline_ops.archive.seal import Waiting
from threadline_ops.retention.events import Paused


@dataclass(frozen=True)
class DayWritten:
    """A day's files are in place; nothing counts on them before the manifest says so."""

    day: date
    version: int
    rows: int
    files: int


@dataclass(frozen=True)
class ManifestWritten:
    """The chain has another entry; the database does not know of it yet."""

    day: date
    version: int
    sequence: int


@dataclass(frozen=True)
class DayArchived:
    """A day is archived.

    Attributes:
        sha256: of its manifest.
    """

    day: date
    version: int
    rows: int
    slices: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """The Iceberg table shows what the chain says.

    Attributes:
        table: its name in the catalog.
        location: of its metadata, for readers without the catalog.
        added: files that it did not show.
        removed: files that it shows no more.
    """

    table: str
    location: str
    added: int
    removed: int


@dataclass(frozen=True)
class DayVerified:
    """A day's files were read back.

    Attributes:
        problems: what is not as the manifest says; empty when all is.
    """

    day: date
    version: int
    rows: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class SliceDeleted:
    """One committed slice.

    Attributes:
        slice: its number in the day's manifest.
        deleted_changes: as many as the manifest says.
        deleted_transactions: that it left empty.
        total_changes: deleted by the run so far.
        total_transactions: deleted by the run so far.
    """

    day: date
    slice: int
    deleted_changes: int
    deleted_transactions: int
    total_changes: int
    total_transactions: int


@dataclass(frozen=True)
class SliceKept:
    """A slice stays whole, because some of its changes must: a hold, or a table's own window.

    Attributes:
        changes: those that must.
        others: those that stay with them.
    """

    day: date
    slice: int
    changes: int
    others: int


@dataclass(frozen=True)
class SliceDiffers:
    """A slice is not what was archived; its deletion was rolled back, and the day wants another version.

    Attributes:
        missing: ids that were archived and are not live any more.
        added: ids that are live and were not archived.
        changed: ids whose content is another.
        transactions: ids of transactions that differ, in any of these ways.
        report: the file that lists them.
    """

    day: date
    slice: int
    missing: tuple[str, ...]
    added: tuple[str, ...]
    changed: tuple[str, ...]
    transactions: tuple[str, ...]
    report: str

    def __str__(self) -> str:
        return (
            f"slice {self.slice} of {self.day} differs from the archive and was kept: {len(self.missing)} changes are "
            f"missing, {len(self.added)} were added, {len(self.changed)} altered, {len(self.transactions)} "
            f"transactions differ; see {self.report}"
        )


WriteEvent = Waiting | DayWritten | ManifestWritten | DayArchived | Published
PurgeEvent = WriteEvent | DayVerified | SliceDeleted | SliceKept | SliceDiffers | Paused
