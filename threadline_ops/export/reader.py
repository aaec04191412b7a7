"""Reads the changes of one part, in order, as Arrow tables of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from threadline_ops import columnar
from threadline_ops.arrays import integers
from threadline_ops.columnar import Columnar
from threadline_ops.export.schema import OF_CHANGES, SCHEMA
from threadline_ops.export.transactions import Transactions, require_all
from threadline_ops.progress import Interrupted

LAST_TIME = "infinity"
#: Sorts behind every id, so that a part begins after all changes of the time before it.
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
#: Changes a statement: a table, and with it a row group. Fewer where they do not fit into one batch.
PAGE_ROWS = 20_480
SMALLEST_PAGE = 8
#: The Julian day of 1970-01-01.
_EPOCH = 2_440_588


#: A change's captured_at, None before all, and its id.
Place = tuple[str | None, str]


@dataclass(frozen=True)
class Part:
    """A range of captured_at, as the server writes times: after `after`, if anything, up to and including `last`."""

    number: int
    after: str | None
    last: str


class Reader:
    """Changes as a snapshot saw them.

    Args:
        source: inside its transaction.
        parameters: of the filters.
        broad: leave the planner free, because the filters are narrow.
        stopping: asked before every page.
    """

    def __init__(
        self,
        source: Columnar,
        parameters: Mapping[str, Any],
        *,
        broad: bool,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source = source
        self._parameters = dict(parameters)
        self._stopping = stopping
        self._transactions = Transactions(source)
        self._rows = PAGE_ROWS
        source.one("export/reader_settings", {"broad": "on" if broad else "off"})

    def tables(self, part: Part) -> Generator[pa.Table]:
        """The part's changes by (captured_at, id), in tables of bounded size.

        Raises:
            Interrupted: `stopping` said so.
        """
        after: Place = part.after, LAST_ID
        exact = False
        while True:
            if self._stopping():
                raise Interrupted
            asked = self._rows
            bounds = self._parameters | {
                "after_time": after[0],
                "after_id": after[1],
                "last_time": part.last,
                "rows": asked,
            }
            page = self._source.page("export/changes", bounds | {"exact": exact}, OF_CHANGES)
            if page is None:
                found, after = yield from self._large(bounds, after)
            else:
                found = page.num_rows
                if not exact:
                    page, exact = _settled(page, ends=found < asked)
                if page.num_rows:
                    after = _place(page) if exact else (_place(page)[0], LAST_ID)
                    yield self._complete(page)
            if found < asked:
                return

    def _complete(self, page: pa.Table) -> pa.Table:
        """The page with its transactions; and a look at whether the next one may be larger."""
        if page.nbytes * 2 < columnar.BATCH_BYTES:
            self._rows = min(PAGE_ROWS, self._rows * 2)
        transactions = self._transactions.of(page.column("transaction_id").chunk(0))
        return pa.Table.from_arrays([*page.columns, *transactions], schema=SCHEMA)

    def _large(self, bounds: dict[str, Any], after: Place) -> Generator[pa.Table, None, tuple[int, Place]]:
        """A page that no batch holds, batch by batch; gives its rows, and its last change's place."""
        self._rows = max(SMALLEST_PAGE, self._rows // 4)
        found = 0
        for table in self._source.tables("export/joined", bounds | {"exact": True}, SCHEMA):
            require_all(table.column("txid"))
            found, after = found + table.num_rows, _place(table)
            yield table
        return found, after


def _settled(page: pa.Table, *, ends: bool) -> tuple[pa.Table, bool]:
    """A page that came by time alone, sorted by id as well, and whether that made a difference.

    Args:
        page: of changes.
        ends: nothing follows; otherwise the last moment may go on, and is left to the next page.
    """
    times = integers(page.column("captured_at").chunk(0))
    if not ends:
        kept = int(np.searchsorted(times, times[-1:])[0])
        if not kept:
            return page.slice(0, 0), True
        page, times = page.slice(0, kept), times[:kept]
    if not (times[1:] == times[:-1]).any():
        return page, False
    keys = pa.table({"time": page.column("captured_at").chunk(0), "id": page.column("id").chunk(0).storage})
    order = pc.sort_indices(keys, sort_keys=[("time", "ascending"), ("id", "ascending")])
    return page.take(order).combine_chunks(), True


def _place(table: pa.Table) -> Place:
    return _moment(table), str(table.column("id")[-1].as_py())


def _moment(table: pa.Table) -> str:
    """The last change's captured_at as exactly as the server has it, by Julian day: Python's own years end at 9999."""
    days, microseconds = divmod(table.column("captured_at")[-1].value, 86_400_000_000)
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"J{days + _EPOCH} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}+00"
