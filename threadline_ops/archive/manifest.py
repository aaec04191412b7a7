"""The manifest of an archived day, and the chain that manifests form.

Each one names the hash of the one before it, so that none can be edited, removed or swapped without breaking the
chain; the ledger in the database knows where the chain ends, so that it cannot be cut off either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

import rfc8785

from threadline_ops import __version__
from threadline_ops.archive.slices import Slice
from threadline_ops.export.result import FileEntry
from threadline_ops.plain import plain
from threadline_ops.retention.steps import Key

#: Grows when a field changes its meaning; readers refuse what they do not know.
FORMAT = 1
FOLDER = "manifests"
#: What the slices' digests are, for whoever reads this without us.
RECIPE = "md5 over rows as in threadline_ops/sql/archive/rows, changes by (captured_at, id), transactions by id"


@dataclass(frozen=True)
class Manifest:
    """One entry of the chain.

    Attributes:
        sequence: place in the chain, from 1.
        previous: SHA-256 of the entry before it.
        kind: "day" for archived changes; "removal" for a day whose files were removed by the archive's own retention.
        day: UTC.
        version: of the day, from 1; a later one holds what was live when it was written.
        database: system identifier, timeline, name and version of the server.
        snapshot: the view that the day was read in, as pg_current_snapshot() writes it.
        sealed: the mark that showed the day to be complete: its moment, and the id below which all had ended.
        redaction: fingerprint of the capture settings, which say what was left out or masked.
        tables: changes by "schema.table".
        removes: of a removal, SHA-256 of the entries whose files are gone.
    """

    sequence: int
    previous: str | None
    kind: Literal["day", "removal"]
    day: date
    version: int
    database: Mapping[str, Any]
    audit_schema: str
    snapshot: str
    sealed: Mapping[str, Any]
    generated_at: str
    redaction: str
    schema_version: int
    columns: Mapping[str, str]
    rows: int
    size: int
    tables: Mapping[str, int]
    files: tuple[FileEntry, ...]
    slices: tuple[Slice, ...]
    removes: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where the files lie."""
        return folder_of(self.day, self.version)

    def dump(self) -> bytes:
        """The manifest's file, in canonical form."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        head = {"format": FORMAT, "recipe": RECIPE, "threadline_ops_version": __version__}
        return rfc8785.dumps(head | plain(content))

    @classmethod
    def load(cls, content: bytes) -> Manifest:
        """Read a manifest.

        Raises:
            ValueError: it is none, or of another format.
        """
        try:
            values: dict[str, Any] = json.loads(content)
            if values.pop("format") != FORMAT:
                raise ValueError("another format")
            for name in ("recipe", "threadline_ops_version"):
                del values[name]
            values |= {
                "day": date.fromisoformat(values["day"]),
                "files": tuple(FileEntry(**file) for file in values["files"]),
                "slices": tuple(_slice(entry) for entry in values["slices"]),
                "removes": tuple(values["removes"]),
            }
            return cls(**values)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no manifest: {type(error).__name__}") from None


@dataclass(frozen=True)
class Entry:
    """A manifest together with the hash of its file."""

    manifest: Manifest
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> Entry:
        """From the file's bytes; raises ValueError as `Manifest.load` does."""
        return cls(Manifest.load(content), sha256(content))


def sha256(content: bytes) -> str:
    """The hash by which the chain names an entry."""
    return hashlib.sha256(content).hexdigest()


def name_of(sequence: int) -> str:
    """The file of an entry."""
    return f"{FOLDER}/{sequence:08d}.json"


def folder_of(day: date, version: int) -> str:
    """The folder of a version of a day."""
    return f"days/{day.isoformat()}/v{version}"


def removed(entries: Iterable[Entry]) -> set[str]:
    """Hashes of entries whose files the archive's own retention removed."""
    return {name for entry in entries for name in entry.manifest.removes}


def newest(entries: Iterable[Entry]) -> dict[date, Entry]:
    """The newest version of each day whose files should be there, by day."""
    known = list(entries)
    gone = removed(known)
    days = {e.manifest.day: e for e in known if e.manifest.kind == "day" and e.sha256 not in gone}
    return dict(sorted(days.items()))


def _slice(values: dict[str, Any]) -> Slice:
    edges = {name: Key(**values[name]) for name in ("after", "upto")}
    known: dict[str, Any] = values | edges
    return Slice(**known)
