"""The manifest: what an export is, written last, so that its presence says that the export is complete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from threadline_ops import __version__
from threadline_ops.database import Identity
from threadline_ops.export.filters import Filters
from threadline_ops.export.result import Exported, FileEntry
from threadline_ops.export.schema import SCHEMA_VERSION

#: The underscore hides it from readers that take every other file of a folder for data.
NAME = "_manifest.json"
#: Of a document (one file), the manifest lies beside it.
DOCUMENT_SUFFIX = ".manifest.json"
#: Grows when a field changes its meaning.
MANIFEST_VERSION = 1


def manifest(done: Exported, *, generated_at: str, filters: Mapping[str, Any], identity: Identity) -> bytes:
    """Describe a finished export: never a captured value, only counts, digests and what was asked."""
    content = {
        "manifest_version": MANIFEST_VERSION,
        "generated_at": generated_at,
        "format": done.format,
        "schema_version": SCHEMA_VERSION,
        "threadline_ops_version": __version__,
        "filters": dict(filters),
        "snapshot": done.snapshot,
        "database": asdict(identity),
        "rows": done.rows,
        "bytes": done.size,
        "truncated": done.truncated,
        "max_rows": done.max_rows,
        "tables": dict(sorted(done.tables.items())),
        "columns": dict(done.columns),
        "files": [asdict(file) for file in done.files],
    }
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def file_metadata(filters: Filters, *, snapshot: str, identity: Identity) -> dict[str, str]:
    """The key-value metadata of each Parquet file: a file that strays from its manifest still says what it is."""
    return {
        "threadline_ops.version": __version__,
        "threadline_ops.schema_version": str(SCHEMA_VERSION),
        "threadline_ops.filters": json.dumps(filters.plain(), ensure_ascii=False),
        "threadline_ops.snapshot": snapshot,
        "threadline_ops.database": json.dumps(asdict(identity)),
    }


def restored(content: bytes, location: str) -> Exported:
    """What a manifest says was exported."""
    values = json.loads(content)
    return Exported(
        location=location,
        format=values["format"],
        rows=values["rows"],
        size=values["bytes"],
        files=tuple(FileEntry(**file) for file in values["files"]),
        tables=values["tables"],
        columns=values["columns"],
        snapshot=values["snapshot"],
        truncated=values["truncated"],
        max_rows=values["max_rows"],
    )
