"""Archived rows by question: only the days and tables that can hold an answer are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from threadline_ops.archive.containment import containing
from threadline_ops.archive.manifest import Entry, Manifest, removed
from threadline_ops.archive.slices import day_end, day_start
from threadline_ops.archive.store import Files
from threadline_ops.errors import ArchiveError
from threadline_ops.export.filters import Filters
from threadline_ops.investigate.keys import Key, key_variants


@dataclass(frozen=True)
class Question:
    """Which archived changes; all that is given must hold.

    Attributes:
        table: its name without the schema.
        schema: only where two schemas have a table of this name.
        since: captured then or later.
        until: captured then or earlier.
        correlation_id: of the action.
        actor: JSON that the transaction's actor contains.
        keys: JSON texts of which the row's key contains one.
        transactions: their ids.
        change: its id.
    """

    table: str | None = None
    schema: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    correlation_id: str | None = None
    actor: str | None = None
    keys: tuple[str, ...] = ()
    transactions: tuple[UUID, ...] = ()
    change: UUID | None = None

    @classmethod
    def of(cls, filters: Filters) -> Question:
        """The timeline's filters."""
        return cls(
            filters.table, None, filters.since, filters.until, filters.correlation_id,
            filters.parameters()["actor_ref"],
        )  # fmt: skip

    @classmethod
    def row(cls, table: str, key: Key, *, schema: str | None = None, until: datetime | None = None) -> Question:
        """One row's history."""
        return cls(table, schema, None, until, keys=tuple(key_variants(key)))

    def may_be_in(self, manifest: Manifest) -> bool:
        """Whether a day can hold an answer."""
        tables = {tuple(name.split(".", 1)) for name in manifest.tables}
        return (
            (self.since is None or self.since < day_end(manifest.day))
            and (self.until is None or self.until >= day_start(manifest.day))
            # A name may itself have a dot, so the end of the whole is what can be told.
            and (self.table is None or any(".".join(name).endswith(f".{self.table}") for name in tables))
        )

    def expression(self) -> Any:
        """What Parquet's statistics and the scan can decide."""
        field: Any = ds.field
        parts = [
            None if self.table is None else field("table_name") == self.table,
            None if self.schema is None else field("table_schema") == self.schema,
            None if self.since is None else field("captured_at") >= pa.scalar(self.since, pa.timestamp("us", "UTC")),
            None if self.until is None else field("captured_at") <= pa.scalar(self.until, pa.timestamp("us", "UTC")),
            None if self.correlation_id is None else field("correlation_id") == self.correlation_id,
        ]
        whole = None
        for part in parts:
            if part is not None:
                whole = part if whole is None else whole & part
        return whole

    def tests(self) -> Iterator[tuple[str, Callable[[Any], bool]]]:
        """What is decided row by row, over the distinct values of a column."""
        if self.actor is not None:
            yield "actor_ref", containing([self.actor])
        if self.keys:
            yield "table_pk", containing(list(self.keys))
        if self.transactions:
            wanted = set(self.transactions)
            yield "transaction_id", wanted.__contains__
        if self.change is not None:
            yield "id", self.change.__eq__


#: A row as the statements in sql/investigate select it, and what only a transaction's record shows.
Row = dict[str, Any]


@dataclass(frozen=True)
class Archived:
    """The archived rows of all days whose files should be there.

    Args:
        files: the archive.
        entries: of its chain.
    """

    files: Files
    entries: tuple[Entry, ...]

    def rows(self, question: Question) -> Iterator[list[Row]]:
        """Matching rows, newest first: a list for each day that has any; of a row's versions the newest one.

        Raises:
            ArchiveError: a file is missing or cannot be read.
        """
        gone = removed(self.entries)
        days: dict[Any, list[Manifest]] = {}
        for entry in self.entries:
            if entry.manifest.kind == "day" and entry.sha256 not in gone and question.may_be_in(entry.manifest):
                days.setdefault(entry.manifest.day, []).append(entry.manifest)
        for day in sorted(days, reverse=True):
            found: dict[UUID, Row] = {}
            for manifest in days[day]:  # a later version of a row replaces an earlier one
                found |= {row["id"]: row for row in self._read(manifest, question)}
            if found:
                yield sorted(found.values(), key=lambda row: (row["captured_at"], row["id"]), reverse=True)

    def _read(self, manifest: Manifest, question: Question) -> Iterable[Row]:
        paths = [self.files.path(f"{manifest.folder}/{file.name}") for file in manifest.files]
        try:
            source: Any = ds.dataset(paths, format="parquet", filesystem=self.files.filesystem)
            batches = source.to_batches(filter=question.expression(), batch_size=16_384)
            for batch in batches:
                yield from _matching(pa.Table.from_batches([batch]), question).to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise ArchiveError(
                f"the archive of {manifest.day} cannot be read: {type(error).__name__}",
                fix="run threadline-ops archive verify, and restore what it names",
            ) from None


def _matching(table: pa.Table, question: Question) -> pa.Table:
    for name, test in question.tests():
        values = table[name].to_pylist()
        table = table.filter(pa.array([test(value) for value in values], pa.bool_()))
    if table.num_rows == 0:
        return table
    return table.set_column(
        table.schema.get_field_index("captured_at"), "captured_at", pc.cast(table["captured_at"], _TIME)
    )


_TIME = pa.timestamp("us", "UTC")


def instant(value: datetime | None) -> datetime | None:
    """A time as the database's driver gives it."""
    return None if value is None else value.astimezone(UTC)
