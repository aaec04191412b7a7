"""Concatenated columns, as sql/export/page.sql sends them, into Arrow arrays without a loop over rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from threadline_ops.errors import ExportError

#: What separates JSON values: a control character, which JSON text only holds escaped.
JSON_SEPARATOR = b"\x01"
#: What separates plain text: a byte that UTF-8 never has; and another one for null.
TEXT_SEPARATOR = b"\xff"
NULL_TEXT = 0xFE

#: Microseconds between Arrow's epoch, 1970, and PostgreSQL's, 2000.
_EPOCH = 946_684_800_000_000
UTC_MICROSECONDS = pa.timestamp("us", "UTC")


def marked(blob: bytes) -> bool:
    """Whether a value was left out because it is large."""
    # A search for one byte is much cheaper than for two, and most pages do not hold it.
    return b"!" in blob and (blob.startswith(b"!") or JSON_SEPARATOR + b"!" in blob)


def json_text(blobs: Sequence[bytes], rows: int) -> pa.StringArray:
    """JSON values as text; an empty one is null."""
    offsets, data = _cut(blobs, JSON_SEPARATOR, rows)
    return _strings(offsets, data, np.diff(offsets) > 1)


def text(blobs: Sequence[bytes], rows: int) -> pa.StringArray:
    """Plain text; the one byte NULL_TEXT is null, and nothing is the empty string."""
    offsets, data = _cut(blobs, TEXT_SEPARATOR, rows)
    starts = np.frombuffer(data, np.uint8)[offsets[:-1]]
    return _strings(offsets, data, starts != NULL_TEXT)


def lists(blobs: Sequence[bytes], rows: int) -> pa.Array:
    """JSON arrays of strings as LIST<STRING>; the few distinct ones are parsed once each."""
    encoded = json_text(blobs, rows).dictionary_encode()
    parsed = [json.loads(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(parsed, pa.list_(pa.string())).take(encoded.indices)


def uuids(data: bytes, valid: np.ndarray | None = None) -> pa.FixedSizeBinaryArray:
    """UUIDs of 16 bytes each; `valid` is false where one is a filler for null."""
    rows = len(data) // 16
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [_bitmap(valid), pa.py_buffer(data)])


def integers(data: bytes) -> pa.Int64Array:
    """Integers of 8 bytes in network order."""
    return pa.array(np.frombuffer(data, ">i8").astype("<i8"))


def instants(data: bytes) -> pa.TimestampArray:
    """Timestamps in microseconds since 2000, in network order."""
    return pa.array(np.frombuffer(data, ">i8").astype("<i8") + _EPOCH).view(UTC_MICROSECONDS)


def tied(data: bytes) -> bool:
    """Whether sorted timestamps, as `instants` takes them, hold equal ones."""
    times = np.frombuffer(data, ">i8")
    return bool((times[1:] == times[:-1]).any())


def flags(data: bytes) -> np.ndarray:
    """Digits 1 and 0 as booleans."""
    return np.frombuffer(data, np.uint8) == ord("1")


def distinct_runs(ids: bytes) -> bytes:
    """UUIDs without those that repeat the one before: changes of a transaction lie together."""
    rows = np.frombuffer(ids, np.uint8).reshape(-1, 16)
    changed = np.ones(len(rows), bool)
    changed[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return rows[changed].tobytes()


def array_literal(ids: bytes) -> str:
    """UUIDs as PostgreSQL writes an array of them."""
    digits = np.frombuffer(ids.hex().encode(), np.uint8).reshape(-1, 32)
    joined = np.full((len(digits), 33), ord(","), np.uint8)
    joined[:, :32] = digits
    return "{" + joined.tobytes()[:-1].decode() + "}"


def sample(ids: bytes, count: int) -> bytes:
    """A few of the UUIDs, evenly spread from the first to the last."""
    rows = np.frombuffer(ids, np.uint8).reshape(-1, 16)
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))].tobytes()


def _cut(blobs: Sequence[bytes], separator: bytes, rows: int) -> tuple[np.ndarray, bytes]:
    """Offsets of values that each end with a separator, and the bytes that they point into.

    Blob by blob, because the masks of a page stay in the processor's cache.
    """
    starts = [np.zeros(1, np.int64)]
    place = 0
    for blob in blobs:
        starts.append(np.flatnonzero(np.frombuffer(blob, np.uint8) == separator[0]) + (place + 1))
        place += len(blob) + 1
        starts.append(np.array([place]))
    offsets = np.concatenate(starts).astype(np.int32)
    if len(offsets) != rows + 1:
        raise ExportError(
            f"a column of {rows} rows came as {len(offsets) - 1} values",
            fix="report this as a defect; nothing was published",
        )
    return offsets, separator.join([*blobs, b""])


def _strings(offsets: np.ndarray, data: bytes, valid: np.ndarray) -> pa.StringArray:
    """Text without the separators: Arrow's own slice copies value by value, three times faster than a mask."""
    rows = len(offsets) - 1
    raw = pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    sliced = pc.binary_slice(raw, 0, -1)
    _, places, content = sliced.buffers()
    return pa.StringArray.from_buffers(rows, places, content, _bitmap(valid))


def _bitmap(valid: np.ndarray | None) -> pa.Buffer | None:
    if valid is None or valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))
