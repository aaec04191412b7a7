"""Reads the changes of one part, in order, as Arrow tables of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from threadline_ops.database import Database
from threadline_ops.export import columns
from threadline_ops.export.schema import SCHEMA
from threadline_ops.export.transactions import Transactions
from threadline_ops.progress import Interrupted

#: Changes a statement; larger pages gain nothing and make the server move large strings.
PAGE_ROWS = 1_000
#: A table, and with it a row group, ends after the first page beyond either of these.
TABLE_ROWS = 16_384
TABLE_BYTES = 8 << 20
#: Text that one statement may return when values are large.
PIECE_BYTES = 2 << 20

FIRST_TIME, LAST_TIME = "-infinity", "infinity"
#: Sorts behind every id, so that a part begins after all changes of the time before it.
LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff"


@dataclass(frozen=True)
class Part:
    """A range of captured_at, as the server writes times: after `after`, up to and including `last`."""

    number: int
    after: str
    last: str


class _Raw(Loader):
    """Columns stay bytes: text is never decoded only to be encoded again."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


Page = tuple[Any, ...]
#: Of a page's columns: bytes a value, or what separates values.
_WIDTHS = {2: 16, 3: 16, 4: 8}
_SEPARATORS = dict.fromkeys((5, 6, 7), columns.TEXT_SEPARATOR) | dict.fromkeys((8, 9, 10, 11), columns.JSON_SEPARATOR)


class Reader:
    """Pages of one connection whose transaction is open, and sees the export's snapshot.

    Args:
        database: inside its transaction.
        parameters: of the filters.
        broad: leave the planner free, because the filters are narrow.
        stopping: asked before every page.
    """

    def __init__(
        self,
        database: Database,
        parameters: Mapping[str, Any],
        *,
        broad: bool,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._parameters = dict(parameters)
        self._stopping = stopping
        self._cursor = database.connection.cursor(binary=True)
        for name in ("text", "bytea"):
            self._cursor.adapters.register_loader(name, _Raw)
        self._transactions = Transactions(database, self._row)
        database.one("export/reader_settings", {"broad": "on" if broad else "off"})

    def tables(self, part: Part) -> Generator[pa.Table]:
        """The part's changes by (captured_at, id), in tables of about TABLE_ROWS or TABLE_BYTES.

        Raises:
            Interrupted: `stopping` said so.
        """
        pages: list[Page] = []
        rows = size = 0
        for page in self._pages(part):
            pages.append(page)
            rows += page[0]
            size += sum(len(column) for column in page[2:])
            if rows >= TABLE_ROWS or size >= TABLE_BYTES:
                yield self._table(pages, rows)
                pages, rows, size = [], 0, 0
        if pages:
            yield self._table(pages, rows)

    def _pages(self, part: Part) -> Generator[Page]:
        key = {"after_time": part.after, "after_id": LAST_ID, "last_time": part.last, "page_rows": PAGE_ROWS}
        ordered = False
        while True:
            if self._stopping():
                raise Interrupted
            page = self._row("export/page", self._parameters | key | {"ordered": ordered})
            rest = page[0] < PAGE_ROWS
            if page[0] == 0:
                return
            if not ordered and columns.tied(page[4]):
                ordered = True  # equal times come in any order: again, and from here on sorted by id
                continue
            if not (ordered or rest):
                page = _without_last(page)
            if columns.marked(page[9]) or columns.marked(page[11]):
                yield from self._pieces(key | {"page_rows": page[0]})
            else:
                yield page
            if rest:
                return
            key |= {"after_time": page[1].decode(), "after_id": page[2][-16:].hex()}

    def _pieces(self, key: dict[str, Any]) -> Generator[Page]:
        """The page behind `key`, read in pieces that fit in memory."""
        sizes = self._database.connection.execute(
            self._database.statement("export/page_sizes"), self._parameters | key
        ).fetchall()
        ids: list[str] = []
        size = 0
        for identity, octets in sizes:
            if ids and size + octets > PIECE_BYTES:
                yield self._row("export/piece", {"ids": "{" + ",".join(ids) + "}"})
                ids, size = [], 0
            ids.append(identity)
            size += octets
        yield self._row("export/piece", {"ids": "{" + ",".join(ids) + "}"})

    def _row(self, name: str, parameters: Mapping[str, Any]) -> Page:
        row = self._cursor.execute(self._database.statement(name), parameters).fetchone()
        assert row is not None  # an aggregate without GROUP BY
        return row

    def _table(self, pages: list[Page], rows: int) -> pa.Table:
        def joined(place: int) -> list[bytes]:
            return [page[place] for page in pages]

        transaction_ids = b"".join(joined(3))
        arrays = [
            columns.uuids(b"".join(joined(2))),
            columns.uuids(transaction_ids),
            *(columns.text(joined(place), rows) for place in (5, 6, 7)),
            columns.instants(b"".join(joined(4))),
            columns.json_text(joined(8), rows),
            columns.json_text(joined(9), rows),
            columns.lists(joined(10), rows),
            columns.json_text(joined(11), rows),
        ]
        pages.clear()  # their columns were copied, and memory is what bounds a table's size
        arrays += self._transactions.of(arrays[1], columns.distinct_runs(transaction_ids))
        typed = [
            pa.ExtensionArray.from_storage(field.type, array) if isinstance(field.type, pa.BaseExtensionType) else array
            for field, array in zip(SCHEMA, arrays, strict=True)
        ]
        return pa.Table.from_arrays(typed, schema=SCHEMA)


def _without_last(page: Page) -> Page:
    """A page but for its last change, whose time may be that of the change behind it."""
    kept = list(page)
    kept[0] -= 1
    for place, width in _WIDTHS.items():
        kept[place] = kept[place][:-width]
    for place, separator in _SEPARATORS.items():
        kept[place] = kept[place][: kept[place].rindex(separator)]
    return tuple(kept)
