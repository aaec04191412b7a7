"""What an export really holds: its files are read again after they were published."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq

from threadline_ops.export.destination import Destination
from threadline_ops.export.result import Exported

#: A document is read whole, in pieces; a larger one is not, because a store may charge for it. In bytes.
LARGEST_DOCUMENT = 1 << 28
#: A JSON document is one value, which is parsed in memory.
_LARGEST_JSON = 1 << 26
#: A CSV field may hold a whole row's JSON; the module's own limit is 128 KB.
_LARGEST_FIELD = 1 << 30


def readable(done: Exported) -> bool:
    """Whether reading the export again is worth its cost: of Parquet only footers and a few ids are read."""
    limit = _LARGEST_JSON if done.format == "json" else LARGEST_DOCUMENT
    return done.format == "parquet" or done.size <= limit


def rows(destination: Destination, done: Exported, *, cut: bool = False) -> int:
    """How many changes the export's files hold.

    Args:
        destination: where it was published.
        done: what was published there.
        cut: count a copy that lacks the last file (Parquet) or line.
    """
    if done.format == "parquet":
        files = done.files[:-1] if cut else done.files
        return sum(_footer(destination, file.name) for file in files)
    counted = sum(1 for _ in _ids(destination, done))
    return counted - 1 if cut else counted


def newest_ids(destination: Destination, done: Exported, count: int) -> list[str]:
    """Ids of the newest changes in the export, newest first."""
    if done.format != "parquet":
        return [change for _, change in zip(range(count), _ids(destination, done), strict=False)]
    found: list[str] = []
    for file in reversed(done.files):
        with destination.reading(file.name) as stream:
            parquet: Any = pq.ParquetFile(stream)
            for group in reversed(range(parquet.num_row_groups)):
                values = parquet.read_row_group(group, columns=["id"]).column("id").to_pylist()
                found += [str(value) for value in reversed(values)]
                if len(found) >= count:
                    return found[:count]
    return found


def _footer(destination: Destination, name: str) -> int:
    with destination.reading(name) as stream:
        return int(pq.read_metadata(stream).num_rows)


def _ids(destination: Destination, done: Exported) -> Iterator[str]:
    with destination.reading("") as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        if done.format == "json":
            for change in json.load(text)["changes"]:
                yield change["id"]
        elif done.format == "ndjson":
            for line in text:
                yield json.loads(line)["id"]
        else:
            csv.field_size_limit(_LARGEST_FIELD)
            for row in csv.DictReader(text):
                yield row["id"]
