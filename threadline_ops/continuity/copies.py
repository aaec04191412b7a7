"""A baseline's rows in a table of the suite's own, for queries in SQL; the files stay what is verified against.

The one part of continuity that writes to a database, and only into the operations schema.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from threadline_ops.capture.names import Table
from threadline_ops.database import Database
from threadline_ops.plain import plain
from threadline_ops.retention.holds import make_schema

#: What writes; evidence quotes these files by hash.
STATEMENTS = ("baseline/create_table", "baseline/create_index", "baseline/clear", "baseline/add")


@dataclass(frozen=True)
class RowsTable:
    """`baseline_rows` in the operations schema.

    Args:
        database: the primary, on a connection of its own.
    """

    database: Database

    def prepare(self) -> None:
        """Create the table unless it is there.

        Raises:
            UnsafeDatabase: this is a standby.
            DatabaseError: the role may not.
        """
        self.database.require_writable()
        with self.database.transaction() as connection:
            make_schema(self.database)
            for name in ("baseline/create_table", "baseline/create_index"):
                connection.execute(self.database.statement(name))

    def clear(self, table: Table, version: int, chunk: int) -> None:
        """Forget the rows of a version's chunks from this one on: no manifest announced them."""
        with self.database.transaction() as connection:
            connection.execute(self.database.statement("baseline/clear"), _names(table, version, chunk))

    def put(self, table: Table, version: int, chunk: int, read_at: datetime, rows: pa.Table) -> None:
        """Add a chunk's rows.

        Raises:
            DatabaseError: the server refused them; nothing of the chunk is kept.
        """
        texts = [json.dumps(_row(row), ensure_ascii=False, allow_nan=False) for row in rows.to_pylist()]
        with self.database.transaction() as connection:
            parameters = _names(table, version, chunk) | {"read_at": read_at, "rows": texts}
            connection.execute(self.database.statement("baseline/add"), parameters)


def _names(table: Table, version: int, chunk: int) -> dict[str, Any]:
    return {"table_schema": table.schema, "table_name": table.name, "version": version, "chunk": chunk}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """Numbers of integer and float columns and truth values as such, everything else as text; no NaN in JSON."""
    return {name: _value(value) for name, value in row.items() if not name.startswith("threadline:")}


def _value(value: object) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return plain(value)
