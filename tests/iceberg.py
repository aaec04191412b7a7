"""The archive's Iceberg table as its readers see it: pyiceberg by the catalog, DuckDB by the metadata alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any
from uuid import UUID

import duckdb
from pyiceberg.table import Table

from tests.archive import Rows
from threadline_ops.archive.iceberg import catalog
from threadline_ops.archive.store import files_of
from threadline_ops.settings import Settings

#: As tests.archive.live selects them.
COLUMNS = (
    "id", "transaction_id", "table_schema", "table_name", "op", "captured_at", "table_pk", "data_after",
    "changed_fields", "changed_from", "txid", "occurred_at", "actor_ref", "source", "meta", "action_id",
)  # fmt: skip


@contextmanager
def table(settings: Settings) -> Iterator[Table]:
    with catalog.opened(settings, files_of(settings)) as opened:
        yield opened


def rows(settings: Settings) -> Rows:
    """What pyiceberg reads; a row that is there twice is an error."""
    with table(settings) as opened:
        return _by_id(opened.scan(selected_fields=COLUMNS).to_arrow().to_pylist())


def duck(settings: Settings) -> Rows:
    """What DuckDB's own implementation of Iceberg reads, offline."""
    with table(settings) as opened, duckdb.connect() as connection:
        for name in ("avro", "iceberg"):
            place = resources.files(f"duckdb_extension_{name}") / f"extensions/v{duckdb.__version__}"
            connection.load_extension(str(place / f"{name}.duckdb_extension"))
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(
            f"select {', '.join(COLUMNS)} from iceberg_scan('{opened.metadata_location}')"
        ).to_arrow_table()
    return _by_id(found.to_pylist())


def files(settings: Settings) -> list[str]:
    """The files that the table shows, in the archive's terms."""
    with table(settings) as opened:
        found = [task.file.file_path for task in opened.scan().plan_files()]
        return sorted(path.removeprefix(files_of(settings).uri + "/") for path in found)


def _by_id(found: list[dict[str, Any]]) -> Rows:
    read = {str(row["id"]): tuple(_told(row[name]) for name in COLUMNS) for row in found}
    assert len(read) == len(found)
    return read


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
