"""Files that a killed run left behind, and whose they are: no manifest names them, so nobody misses them."""

from __future__ import annotations

from threadline_ops.continuity.manifest import Version, version_directory
from threadline_ops.continuity.store import Store


def tidy(store: Store, place: str, version: Version) -> None:
    """Remove what a killed run left beside an unfinished version's chunks: files that no manifest names."""
    known = {chunk.file for chunk in version.chunks}
    for name in store.names(place):
        if name not in known and name.endswith((".parquet", ".tmp")):
            store.remove(f"{place}/{name}")


def discard(store: Store, base: str, version: Version) -> None:
    """Remove an unfinished version, its last chunk first and each manifest before its file.

    So what is left, should this be killed too, is again an unfinished version whose chunks are all there.
    """
    place = version_directory(base, version.number)
    for name in reversed(store.names(place)):
        store.remove(f"{place}/{name}")
