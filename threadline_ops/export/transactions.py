"""Fetches the transactions of a table of changes, and spreads them over its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from threadline_ops.database import Database
from threadline_ops.errors import ExportError
from threadline_ops.export import columns

#: How many transactions are looked up to learn where the others lie.
SAMPLE = 16
#: The scan between them is worth it while a page of the heap holds at least this many that are wanted.
WANTED_A_BLOCK = 4


class Transactions:
    """The transactions that a reader meets.

    Args:
        database: inside the reader's transaction.
        row: runs a statement of concatenated columns.
    """

    def __init__(self, database: Database, row: Callable[[str, Mapping[str, Any]], tuple[Any, ...]]) -> None:
        self._database = database
        self._row = row

    def of(self, wanted: pa.FixedSizeBinaryArray, ids: bytes) -> list[pa.Array]:
        """The columns of each change's transaction and action.

        Args:
            wanted: a transaction id for each change.
            ids: the same without most of the repetitions.

        Raises:
            ExportError: a transaction does not exist.
        """
        first, last = self._places(ids)
        known, found = self._fetch(ids, first, last)
        places = pc.index_in(wanted, value_set=known)
        if places.null_count and first is not None:
            missing = b"".join(pc.unique(wanted.filter(places.is_null())).to_pylist())
            more_known, more = self._fetch(missing, None, None)
            known = pa.concat_arrays([known, more_known])
            found = [pa.concat_arrays(pair) for pair in zip(found, more, strict=True)]
            places = pc.index_in(wanted, value_set=known)
        if places.null_count:
            raise ExportError(
                "changes point to transactions that do not exist",
                got=f"{places.null_count} changes",
                fix="the audit tables have lost their foreign key; restore it before exporting",
            )
        return [column.take(places) for column in found]

    def _places(self, ids: bytes) -> tuple[str | None, str | None]:
        """Between which places in the heap to look, or nothing when they are too far apart."""
        few = columns.array_literal(columns.sample(ids, SAMPLE))
        first, last = self._database.one("export/transaction_places", {"ids": few})
        if first is None or (_block(last) - _block(first) + 1) * WANTED_A_BLOCK > len(ids) // 16:
            return None, None
        return first, last

    def _fetch(self, ids: bytes, first: str | None, last: str | None) -> tuple[pa.Array, list[pa.Array]]:
        parameters = {"ids": columns.array_literal(ids), "first": first, "last": last}
        found = self._row("export/transactions", parameters)
        rows = found[0]
        if not rows:
            return columns.uuids(b""), [pa.array([], kind) for kind in _TYPES]
        return columns.uuids(found[1]), [
            columns.integers(found[2]),
            columns.instants(found[3]),
            columns.json_text([found[4]], rows),
            columns.text([found[5]], rows),
            columns.json_text([found[6]], rows),
            columns.uuids(found[8], columns.flags(found[7])),
            *(columns.text([column], rows) for column in found[9:13]),
        ]


_TYPES = [
    pa.int64(), columns.UTC_MICROSECONDS, pa.string(), pa.string(), pa.string(), pa.binary(16),
    pa.string(), pa.string(), pa.string(), pa.string(),
]  # fmt: skip


def _block(place: str) -> int:
    """The page of a place such as (12,3)."""
    return int(place[1:].split(",")[0])
