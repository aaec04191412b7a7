"""Reads the changes of one part, in order, as Arrow tables of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from threadline_ops import columnar
from threadline_ops.columnar import Columnar
from threadline_ops.database import Database
from threadline_ops.export.schema import OF_CHANGES, SCHEMA
from threadline_ops.export.transactions import Transactions
from threadline_ops.progress import Interrupted
from threadline_ops.settings import Settings

LAST_TIME = "infinity"


@dataclass(frozen=True)
class Part:
    """A range of captured_at, as the server writes times: after `after`, if anything, up to and including `last`."""

    number: int
    after: str | None
    last: str


@dataclass(frozen=True)
class Sources:
    """The connections of one reader: changes flow from one, and the other is asked for transactions meanwhile."""

    changes: Columnar
    transactions: Columnar

    @contextmanager
    def transaction(self, snapshot: str) -> Generator[None]:
        """A read-only transaction on each, which sees the exported snapshot."""
        with self.changes.transaction(snapshot), self.transactions.transaction(snapshot):
            yield

    def close(self) -> None:
        """Close both."""
        self.changes.close()
        self.transactions.close()


def connect(settings: Settings, database: Database) -> Sources:
    """Connections for one reader, past a pooler where there is a way; `database` is what quotes for them."""
    changes = columnar.connect(settings, database, direct=True)
    try:
        return Sources(changes, columnar.connect(settings, database, direct=True))
    except BaseException:
        changes.close()
        raise


class Reader:
    """Changes as a snapshot saw them.

    Args:
        sources: inside their transaction.
        parameters: of the filters.
        broad: leave the planner free, because the filters are narrow.
        stopping: asked before every table.
    """

    def __init__(
        self,
        sources: Sources,
        parameters: Mapping[str, Any],
        *,
        broad: bool,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._changes = sources.changes
        self._parameters = dict(parameters)
        self._stopping = stopping
        self._transactions = Transactions(sources.transactions)
        for source in (sources.changes, sources.transactions):
            source.one("export/reader_settings", {"broad": "on" if broad else "off"})

    def tables(self, part: Part) -> Generator[pa.Table]:
        """The part's changes by (captured_at, id), in tables of bounded size.

        Raises:
            Interrupted: `stopping` said so.
        """
        bounds = {"after": part.after, "last": part.last}
        found = self._changes.tables("export/changes", self._parameters | bounds, OF_CHANGES)
        with closing(found):
            for changes in found:
                if self._stopping():
                    raise Interrupted
                transactions = self._transactions.of(changes.column("transaction_id").chunk(0))
                yield pa.Table.from_arrays([*changes.columns, *transactions], schema=SCHEMA)
