"""Rows as bytes that PostgreSQL and Python build alike, so that what was deleted can be compared with a file.

The server's side is sql/archive/rows. Text from the server stays as it came: Parquet keeps JSON as the server's own
text, times as whole microseconds, and null apart from empty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from threadline_ops.arrays import indices, integers

_SEPARATOR = b"\x01"
_OF_TRANSACTIONS = ["transaction_id", "txid", "occurred_at", "action_id", "actor_ref", "meta", "source"]
#: Microseconds between Arrow's epoch, 1970, and PostgreSQL's, 2000.
_EPOCH = 946_684_800_000_000


class Hash(Protocol):
    """What hashlib's constructors return."""

    def update(self, data: memoryview | bytes, /) -> None:
        """Take more bytes in."""
        ...

    def hexdigest(self) -> str:
        """The digest of all bytes so far."""
        ...


#: Arrow's arrays have no complete types; everything here is one of them.
Array = Any


def column(table: pa.Table, name: str) -> Array:
    """A column as one array of its storage type."""
    found: Array = table.column(name).combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], found.type)
    return found.storage if isinstance(found, pa.ExtensionArray) else found


def changes(table: pa.Table) -> Array:
    """The content of each change, as sql/archive/rows/change.sql renders it."""
    fixed = np.concatenate(
        [_uuids(column(table, "id")), _uuids(column(table, "transaction_id")), _times(column(table, "captured_at"))],
        axis=1,
    )
    schema = column(table, "table_schema")
    return _joined(
        fixed,
        pc.cast(pc.binary_length(schema), pa.string()),
        pc.binary_join_element_wise(schema, column(table, "table_name"), ""),
        column(table, "op"),
        _text(table, "table_pk"),
        _text(table, "data_after"),
        _lists(column(table, "changed_fields")),
        _text(table, "changed_from"),
    )


@dataclass(frozen=True)
class Transactions:
    """Transactions, each with its content.

    Attributes:
        ids: of 16 bytes.
        contents: one for each id.
    """

    ids: Array
    contents: Array


def transactions(table: pa.Table) -> Transactions:
    """The transactions that changes belong to, each once, as sql/archive/rows/transaction.sql renders them."""
    ids = column(table, "transaction_id").dictionary_encode()
    _, places = np.unique(np.asarray(ids.indices), return_index=True)
    once = table.select(_OF_TRANSACTIONS).take(indices(places))
    known = column(once, "transaction_id")
    big_endian = integers(column(once, "txid")).astype(">i8").view(np.uint8).reshape(-1, 8)
    fixed = np.concatenate([_uuids(known), big_endian, _times(column(once, "occurred_at"))], axis=1)
    source = column(once, "source")
    told = pc.if_else(pc.is_null(source), "0", "1")
    contents = _joined(
        fixed,
        _uuid_text(column(once, "action_id")),
        _text(once, "actor_ref"),
        _text(once, "meta"),
        pc.binary_join_element_wise(told, pc.fill_null(source, ""), ""),
    )
    return Transactions(known, contents)


def by_id(parts: Sequence[Transactions]) -> Array:
    """The contents of the transactions of all parts, each once, in the order of their ids."""
    halves = np.concatenate([_uuids(part.ids) for part in parts]).view(">u8").astype(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return pa.concat_arrays([part.contents for part in parts]).take(indices(order[first]))


def lengths(content: Array) -> NDArray[np.int64]:
    """Bytes of each row."""
    return np.asarray(pc.binary_length(content)).astype(np.int64)


def stretch(content: Array, start: int, stop: int) -> memoryview:
    """The bytes of some rows behind one another, without a copy."""
    _, places, data = content.buffers()
    first = content.offset
    edges = np.frombuffer(places, np.int32)
    return memoryview(data)[edges[first + start] : edges[first + stop]]


def digests(content: Array) -> list[str]:
    """A digest of each row, for finding those that differ."""
    return [md5(stretch(content, start, stop)).hexdigest() for start, stop in pairwise(range(len(content) + 1))]


def md5(data: bytes | memoryview = b"") -> Hash:
    """The digest that any PostgreSQL computes quickly; docs/decisions/a-slice-proves-itself.md says why it will do."""
    return hashlib.md5(data, usedforsecurity=False)


def _joined(fixed: NDArray[np.uint8], *texts: Array) -> Array:
    """Rows of fixed bytes and of texts with separators between them, in one pass: most of its time is copying."""
    rows, width = fixed.shape
    prefix = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), rows, [None, pa.py_buffer(np.ascontiguousarray(fixed).tobytes())]
    )
    parts = [part for text in texts for part in (_SEPARATOR, text.cast(pa.binary()))][1:]
    return pc.binary_join_element_wise(prefix.cast(pa.binary()), *parts, b"")


def _text(table: pa.Table, name: str) -> Array:
    return pc.fill_null(column(table, name), "")


def _lists(lists: Array) -> Array:
    """As array_to_json writes them; an ordinary name needs no escaping, and a look at all of them is cheap."""
    names = lists.flatten()
    if names.null_count or pc.any(pc.match_substring_regex(names, '[\\x00-\\x1f"\\\\]')).as_py():
        return pa.array(["" if value is None else _json(value) for value in lists.to_pylist()], pa.string())
    joined = pc.binary_join_element_wise('["', pc.binary_join(lists, '","'), '"]', "")
    return pc.fill_null(pc.if_else(pc.equal(pc.list_value_length(lists), 0), "[]", joined), "")


def _json(value: list[str | None]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _uuids(array: Array) -> NDArray[np.uint8]:
    _, data = array.buffers()
    start = array.offset * 16
    return np.frombuffer(data, np.uint8)[start : start + len(array) * 16].reshape(-1, 16)


def _times(array: Array) -> NDArray[np.uint8]:
    since = integers(array) - _EPOCH
    return since.astype(">i8").view(np.uint8).reshape(-1, 8)


def _uuid_text(array: Array) -> Array:
    if array.null_count == len(array):
        return pa.repeat("", len(array))
    text = np.full((len(array), 36), ord("-"), np.uint8)
    text[:, _DIGITS] = _HEX[_uuids(array)].reshape(-1, 32)
    whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(36), len(array), [None, pa.py_buffer(text.tobytes())])
    return pc.if_else(pc.is_null(array), "", whole.cast(pa.binary()).cast(pa.string()))


#: The two digits of each byte, and where a UUID's text has digits.
_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), np.uint8).reshape(256, 2)
_DIGITS = [place for place in range(36) if place not in (8, 13, 18, 23)]
