"""The columns of a Parquet export, and how they are stored."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

#: Grows when a column changes its name, type or meaning.
SCHEMA_VERSION = 1

_JSON = pa.json_(pa.utf8())
_UTC = pa.timestamp("us", "UTC")

SCHEMA = pa.schema(
    [
        pa.field("id", pa.uuid(), nullable=False),
        pa.field("transaction_id", pa.uuid(), nullable=False),
        pa.field("table_schema", pa.string(), nullable=False),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("op", pa.string(), nullable=False),
        pa.field("captured_at", _UTC, nullable=False),
        pa.field("table_pk", _JSON, nullable=False),
        pa.field("data_after", _JSON),
        pa.field("changed_fields", pa.list_(pa.string())),
        pa.field("changed_from", _JSON),
        pa.field("txid", pa.int64()),
        pa.field("occurred_at", _UTC),
        pa.field("actor_ref", _JSON),
        pa.field("source", pa.string()),
        pa.field("meta", _JSON),
        pa.field("action_id", pa.uuid()),
        pa.field("correlation_id", pa.string()),
        pa.field("action_name", pa.string()),
        pa.field("status", pa.string()),
        pa.field("reason", pa.string()),
    ]
)

_OWN, _ACTED = SCHEMA.get_field_index("txid"), SCHEMA.get_field_index("action_id")
_ID = pa.field("id", pa.uuid(), nullable=False)
#: What belongs to the change itself; what its transaction says of it, by that one's id; and what the action says.
OF_CHANGES = pa.schema(list(SCHEMA)[:_OWN])
OF_TRANSACTIONS = pa.schema([_ID, *list(SCHEMA)[_OWN : _ACTED + 1]])
OF_ACTIONS = pa.schema([_ID, *list(SCHEMA)[_ACTED + 1 :]])

#: Columns of few values. Where rows of a transaction repeat its values side by side, zstd makes less of them than a
#: dictionary does, and in less time.
_FEW_VALUES = ["table_schema", "table_name", "op", "changed_fields.list.element", "source", "action_name", "status"]


def writer_options() -> dict[str, Any]:
    """What ParquetWriter is told: zstd level 1, and statistics where readers prune by them.

    A higher level costs more time than it saves space; both were measured (docs/export.md).
    """
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": _FEW_VALUES,
        "write_statistics": ["captured_at", "table_schema", "table_name", "op", "txid"],
        "sorting_columns": [
            pq.SortingColumn(SCHEMA.get_field_index("captured_at")),
            pq.SortingColumn(SCHEMA.get_field_index("id")),
        ],
        "bloom_filter_options": {"table_name": {"ndv": 200, "fpp": 0.01}},
    }
