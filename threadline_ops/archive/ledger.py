"""What the audited database itself knows of its archive: marks for sealing, the chain's entries, slices that went."""

from __future__ import annotations

from collections.abc import Iterable
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
    """A moment, and the id below which every transaction of that moment lies."""

    at: datetime
    xmax: int


@dataclass(frozen=True)
class Marks:
    """Moments at which it was noted which transactions run, in their order."""

    seals: tuple[Seal, ...]

    def seal(self, day: date) -> Seal | None:
        """The first one after the day's end, which has the fewest transactions to wait for; or None."""
        end = day_end(day)
        return next((seal for seal in self.seals if seal.at >= end), None)


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

    def add(self, entries: Iterable[Entry]) -> None:
        """Record entries that were published."""
        with self.database.transaction() as connection:
            for entry in entries:
                manifest = entry.manifest
                values = {"sequence": manifest.sequence, "day": manifest.day, "version": manifest.version}
                connection.execute(self.database.statement("archive/add_entry"), values | {"sha256": entry.sha256})

    def set_verified(self, sha256: str) -> None:
        """Record that an entry's files were read back."""
        with self.database.transaction() as connection:
            connection.execute(self.database.statement("archive/set_verified"), {"sha256": sha256})

    def set_again(self, sha256: str, reason: str) -> None:
        """Record that the live rows differ from an entry, so that its day wants another version."""
        with self.database.transaction() as connection:
            connection.execute(self.database.statement("archive/set_again"), {"sha256": sha256, "reason": reason})

    def purged(self, entries: Iterable[Entry]) -> dict[str, set[int]]:
        """Slices that went, by the hash of their entry; empty where there is no ledger."""
        found: dict[str, set[int]] = {entry.sha256: set() for entry in entries}
        if not self.exists():
            return found
        with self.database.transaction(read_only=True) as connection:
            rows = connection.execute(self.database.statement("archive/purged"), {"manifests": [*found]}).fetchall()
        for sha256, number in rows:
            found[sha256].add(number)
        return found

    def mark(self, system_identifier: str) -> None:
        """Note which transactions are running now; the first mark of a day stays."""
        at = self.database.now()
        with self.database.transaction() as connection:
            connection.execute(
                self.database.statement("archive/mark"), {"system_identifier": system_identifier, "at": at}
            )

    def marks(self, system_identifier: str) -> Marks:
        """All marks of this cluster; none where there is no ledger."""
        if not self.exists():
            return Marks(())
        with self.database.transaction(read_only=True) as connection:
            rows = connection.execute(
                self.database.statement("archive/marks"), {"system_identifier": system_identifier}
            ).fetchall()
        return Marks(tuple(Seal(at, below) for at, below in rows))
