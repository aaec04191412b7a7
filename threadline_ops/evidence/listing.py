"""The names in a store at one moment, so that what runs add meanwhile does not look like tampering."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from threadline_ops.evidence.store import Head, Store


@dataclass(frozen=True)
class Listing:
    """The store's names with their inodes at one moment, taken under its lock so that no put is half done."""

    places: list[int]
    names: dict[str, int]
    chain: dict[str, int]
    running: set[str]
    noted: Head | None


def take(store: Store) -> Listing:
    """List a store; one that does not exist is empty."""
    if not store.directory.is_dir():
        return Listing([], {}, {}, set(), None)
    with store.lock():
        return Listing(
            store.sequences(),
            _names(store.directory),
            _names(store.chain),
            set(_names(store.running)),
            store.noted_head(),
        )


def _names(directory: Path) -> dict[str, int]:
    try:
        with os.scandir(directory) as entries:
            return {entry.name: entry.inode() for entry in entries if not entry.is_dir()}
    except FileNotFoundError:
        return {}
