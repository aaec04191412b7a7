"""What an export yields while it works, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Format = Literal["parquet", "csv", "json", "ndjson"]


@dataclass(frozen=True)
class FileEntry:
    """One file of an export.

    Attributes:
        name: below the destination; empty when the destination is the file.
        rows: changes in it.
        size: bytes.
        sha256: of the bytes.
    """

    name: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Planned:
    """The export knows how much it will write.

    Attributes:
        rows: changes in all.
        done: of these, already in files that an earlier attempt finished.
    """

    rows: int
    done: int


@dataclass(frozen=True)
class PartWritten:
    """One part of the export is safe at its destination.

    Attributes:
        number: of the part; parts may finish in any order.
        rows: changes in it.
        total_rows: changes written so far, over all parts.
        files: what it consists of.
        tables: changes by "schema.table".
    """

    number: int
    rows: int
    total_rows: int
    files: tuple[FileEntry, ...]
    tables: Mapping[str, int]


@dataclass(frozen=True)
class Exported:
    """A finished export.

    Attributes:
        location: path or URI, without its query.
        format: of the files.
        rows: changes written.
        size: bytes over all files, without the manifest.
        files: in the order of their content.
        tables: changes by "schema.table".
        columns: name and type of each column.
        snapshot: the view of the data, as pg_current_snapshot() writes it.
        truncated: whether max_rows cut the result short.
        max_rows: the cap, if there was one.
        near_names: for a table filter that matched no audited table, the names near it.
    """

    location: str
    format: Format
    rows: int
    size: int
    files: tuple[FileEntry, ...]
    tables: Mapping[str, int]
    columns: Mapping[str, str]
    snapshot: str
    truncated: bool = False
    max_rows: int | None = None
    near_names: tuple[str, ...] | None = field(default=None)


Event = Planned | PartWritten
