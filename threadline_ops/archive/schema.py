"""The columns of an archived file: a Parquet export's, in the form that every engine of tables reads.

JSON is plain text here, because Iceberg has no such type and readers refuse what is marked so; and each column carries
the number by which Iceberg knows it, so that no reader has to go by names.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from threadline_ops.export import schema as exported

#: Grows when a column changes its name, type or meaning. The first one marked JSON as such, and numbered nothing.
SCHEMA_VERSION = 2
_NUMBER = b"PARQUET:field_id"


def _column(number: int, field: pa.Field[Any]) -> pa.Field[Any]:
    kind: Any = field.type
    if pa.types.is_list(kind):
        # Iceberg numbers what is nested after all columns.
        element = {_NUMBER: str(len(exported.SCHEMA) + 1).encode()}
        kind = pa.list_(pa.field("element", kind.value_type, metadata=element))
    elif isinstance(kind, pa.JsonType):
        kind = pa.string()
    return pa.field(field.name, kind, nullable=field.nullable, metadata={_NUMBER: str(number).encode()})


SCHEMA = pa.schema([_column(number, field) for number, field in enumerate(exported.SCHEMA, 1)])


def stored(table: pa.Table) -> pa.Table:
    """A table of an export's columns as the archive stores them; nothing is copied."""
    columns: list[Any] = []
    for column in table.columns:
        marked = isinstance(column.type, pa.JsonType)
        columns.append(pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string()) if marked else column)
    return pa.Table.from_arrays(columns, schema=SCHEMA)
