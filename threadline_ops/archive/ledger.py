"""What the audited database itself knows of its archive: marks for sealing, the chain's entries, slices that went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from threadline_ops.archive.manifest import Entry
from threadline_ops.archive.slices import day_end
from threadline_ops.database import Database
from threadline_ops.retention.holds import make_schema

_TABLES = ("create_marks", "create_entries", "create_purged")


@dataclass(frozen=True)
class Known:
    """A chain entry as the database recorded it.

    Attributes:
        verified: whether its files were read back once.
        again: why the day wants another version, if it does.
    """

    sequence: int
    sha256: str
    day: date
    version: int
    verified_at: datetime | None
    again: str | None


@dataclass(frozen=True)
class Seal:
    """A moment after a day's end, and the id below which every transaction of that moment lies."""

    xmax: int
    at: datetime


@dataclass(frozen=True)
class Ledger:
    """The archive's tables in the operations schema.

    Args:
        database: the audited one.
    """

    database: Database

    def install(self) -> None:
        """Create the tables; nothing happens where they exist."""
        if self.exists():
            return
        with self.database.transaction() as connection:
            make_schema(self.database)
            for name in _TABLES:
                connection.execute(self.database.statement(f"archive/{name}"))

    def exists(self) -> bool:
        """Whether this database has a ledger."""
        with self.database.transaction(read_only=True):
            return self.database.one("archive/ledger_exists", {"ops": self.database.settings.operations_schema})[0]

    def entries(self) -> dict[int, Known]:
        """The chain as this database knows it, by sequence; empty where there is no ledger."""
        if not self.exists():
            return {}
        with self.database.transaction(read_only=True) as connection:
            rows = connection.execute(self.database.statement("archive/entries")).fetchall()
        return {row[0]: Known(*row) for row in rows}

    def add(self, entry: Entry) -> None:
        """Record an entry that was published."""
        manifest = entry.manifest
        values = {"sequence": manifest.sequence, "sha256": entry.sha256, "day": manifest.day}
        with self.database.transaction() as connection:
            connection.execute(self.database.statement("archive/add_entry"), values | {"version": manifest.version})

    def set_verified(self, sha256: str) -> None:
        """Record that an entry's files were read back."""
        with self.database.transaction() as connection:
            connection.execute(self.database.statement("archive/set_verified"), {"sha256": sha256})

    def set_again(self, sha256: str, reason: str) -> None:
        """Record that the live rows differ from an entry, so that its day wants another version."""
        with self.database.transaction() as connection:
            connection.execute(self.database.statement("archive/set_again"), {"sha256": sha256, "reason": reason})

    def purged(self, sha256: str) -> set[int]:
        """Slices of an entry that went."""
        with self.database.transaction(read_only=True) as connection:
            rows = connection.execute(self.database.statement("archive/purged"), {"sha256": sha256}).fetchall()
        return {row[0] for row in rows}

    def mark(self, system_identifier: str) -> None:
        """Note which transactions are running now; the first mark of a day stays."""
        at = self.database.now()
        with self.database.transaction() as connection:
            connection.execute(
                self.database.statement("archive/mark"), {"system_identifier": system_identifier, "at": at}
            )

    def seal(self, system_identifier: str, day: date) -> Seal | None:
        """The first mark after the day's end, or None."""
        values = {"system_identifier": system_identifier, "day_end": day_end(day)}
        with self.database.transaction(read_only=True) as connection:
            row = connection.execute(self.database.statement("archive/seal"), values).fetchone()
        return None if row is None else Seal(*row)
