"""Reads the changes of one part, in order, as Arrow tables of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from threadline_ops import columnar
from threadline_ops.columnar import Columnar
from threadline_ops.export.schema import OF_CHANGES, SCHEMA
from threadline_ops.export.transactions import Transactions
from threadline_ops.progress import Interrupted

LAST_TIME = "infinity"
#: Sorts behind every id, so that a part begins after all changes of the time before it.
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"
#: Changes a statement: a table, and with it a row group. Fewer where they do not fit into one batch.
PAGE_ROWS = 16_384
SMALLEST_PAGE = 8
#: The Julian day of 1970-01-01.
_EPOCH = 2_440_588


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
        key = {"after_time": part.after, "after_id": LAST_ID, "last_time": part.last}
        while True:
            if self._stopping():
                raise Interrupted
            asked, found = self._rows, 0
            for table in self._page(key | {"rows": asked}):
                found += table.num_rows
                key |= {"after_time": _moment(table), "after_id": str(table.column("id")[-1].as_py())}
                yield table
            if found < asked:
                return

    def _page(self, bounds: dict[str, Any]) -> Generator[pa.Table]:
        """The next changes: as one table, or as several where values are large."""
        page = self._source.page("export/changes", self._parameters | bounds, OF_CHANGES)
        if page is None:
            self._rows = max(SMALLEST_PAGE, self._rows // 4)
            yield from self._source.tables("export/joined", self._parameters | bounds, SCHEMA)
        elif page.num_rows:
            if page.nbytes * 2 < columnar.BATCH_BYTES:
                self._rows = min(PAGE_ROWS, self._rows * 2)
            transactions = self._transactions.of(page.column("transaction_id").chunk(0))
            yield pa.Table.from_arrays([*page.columns, *transactions], schema=SCHEMA)


def _moment(table: pa.Table) -> str:
    """The last change's captured_at as exactly as the server has it, by Julian day: Python's own years end at 9999."""
    days, microseconds = divmod(table.column("captured_at")[-1].value, 86_400_000_000)
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"J{days + _EPOCH} {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:06}+00"
