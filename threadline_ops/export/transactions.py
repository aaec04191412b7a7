"""Fetches the transactions of a table of changes with their actions, and spreads them over its rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from threadline_ops.arrays import empty, indices
from threadline_ops.columnar import Columnar
from threadline_ops.errors import ExportError
from threadline_ops.export.schema import OF_ACTIONS, OF_TRANSACTIONS

#: How many rows are looked up to learn where the others lie.
SAMPLE = 16
#: Blocks on either side of them that are looked into as well: neighbours are not written strictly in order.
AROUND = 1
#: The scan is worth it while a block holds at least this many that are wanted: a probe costs as much as five rows more.
WANTED_A_BLOCK = 16


class Transactions:
    """The transactions and actions that a reader meets.

    Args:
        source: inside the reader's transaction.
    """

    def __init__(self, source: Columnar) -> None:
        self._transactions = _Lookup(source, "transactions", OF_TRANSACTIONS)
        self._actions = _Lookup(source, "actions", OF_ACTIONS)

    def of(self, wanted: pa.UuidArray) -> list[pa.Array]:
        """The columns of each change's transaction and action.

        Args:
            wanted: a transaction id for each change.

        Raises:
            ExportError: a transaction does not exist.
        """
        transactions, places = self._transactions.find(wanted.storage)
        require_all(places)
        *own, links = (column.chunk(0) for column in transactions.columns[1:])
        actions, acted = self._actions.find(links.storage.take(places))
        return [column.take(places) for column in own] + [column.chunk(0).take(acted) for column in actions.columns]


class _Lookup:
    """Rows of one table by their ids.

    Args:
        source: inside the reader's transaction.
        name: of the table and its statement, "transactions" or "actions".
        schema: what the statement gives; the id first.
    """

    def __init__(self, source: Columnar, name: str, schema: pa.Schema) -> None:
        self._source = source
        self._name = name
        self._schema = schema

    def find(self, keys: pa.FixedSizeBinaryArray) -> tuple[pa.Table, pa.Int32Array]:
        """The rows with these ids, and maybe others; and the place of each key's row among them, null where none is."""
        ids = pc.unique(keys).drop_null()
        if not len(ids):
            return empty(self._schema), pa.nulls(len(keys), pa.int32())
        found = self._between(ids)
        if found is None:
            found = self._named(ids)
        missing = ids.filter(pc.is_null(_places_in(found, ids)))
        if len(missing):
            found = pa.concat_tables([found, self._named(missing)]).combine_chunks()
        return found, _places_in(found, keys)

    def _between(self, ids: pa.FixedSizeBinaryArray) -> pa.Table | None:
        """All rows of the stretch of heap where these most likely lie; None where it holds too many others."""
        few = ids.take(indices(np.unique(np.linspace(0, len(ids) - 1, SAMPLE).astype(int))))
        table = {"schema": self._source.settings.audit_schema, "table": f"audit_{self._name}"}
        blocks = self._source.one("export/places", {"ids": _literal(few)}, **table)
        if blocks["first"] is None:
            return None
        first, beyond = max(0, blocks["first"] - AROUND), blocks["last"] + AROUND + 1
        if (beyond - first) * WANTED_A_BLOCK > len(ids):
            return None
        return self._fetch(first=f"({first},0)", beyond=f"({beyond},0)")

    def _named(self, ids: pa.FixedSizeBinaryArray) -> pa.Table:
        return self._fetch(ids=_literal(ids))

    def _fetch(self, *, ids: str | None = None, first: str | None = None, beyond: str | None = None) -> pa.Table:
        bounds = {"ids": ids, "first": first, "beyond": beyond}
        return self._source.table(f"export/{self._name}", bounds, self._schema)


def require_all(found: pa.Array | pa.ChunkedArray) -> None:
    """Check that no change lacks what every transaction has.

    Raises:
        ExportError: a transaction does not exist.
    """
    if found.null_count:
        raise ExportError(
            "changes point to transactions that do not exist",
            got=f"{found.null_count} changes",
            fix="the audit tables have lost their foreign key; restore it before exporting",
        )


def _places_in(found: pa.Table, keys: pa.FixedSizeBinaryArray) -> pa.Int32Array:
    return pc.index_in(keys, value_set=found.column("id").chunk(0).storage)


def _literal(ids: pa.FixedSizeBinaryArray) -> str:
    """UUIDs as PostgreSQL writes an array of them."""
    return "{" + ",".join(value.hex() for value in ids.to_pylist()) + "}"
