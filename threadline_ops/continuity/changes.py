"""The newest captured change of every key, found without sorting on the server and without holding them all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from threadline_ops.continuity.copying import Block

#: A row of rows/newest_changes.sql as COPY BINARY sends it: a count of fields, then each with its length.
_WIRE = np.dtype(
    [
        ("fields", ">i2"), ("hash_size", ">i4"), ("hash", ">u8"), ("at_size", ">i4"), ("at", ">i8"),
        ("txid_size", ">i4"), ("txid", ">i8"), ("id_size", ">i4"), ("id", "V16"), ("op_size", ">i4"), ("op", ">i2"),
        ("digest_size", ">i4"), ("digest", ">i8"),
    ]
)  # fmt: skip
#: The same in this machine's byte order, which is what numpy makes of records when it joins them.
_HELD = _WIRE.newbyteorder("=")
_STORED = np.dtype([("at", "<i8"), ("txid", "<i8"), ("id", "V16"), ("op", "<i2"), ("digest", "<i8")])
_HEADER = 19
_BUCKETS = 256
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

UNIDENTIFIED, INSERT, UPDATE, DELETE = 0, 1, 2, 3

Wire = NDArray[np.void]
Places = NDArray[np.int64]
Mask = NDArray[np.bool_]


def decoded(blocks: Iterable[Block]) -> Iterator[Wire]:
    """The records of a binary COPY, in its blocks."""
    skipped = _HEADER
    for block in blocks:
        content = block.content[skipped:]
        skipped = 0
        # What is left over is the mark of the end.
        yield np.frombuffer(content, _WIRE, len(content) // _WIRE.itemsize)


@dataclass
class Newest:
    """One change a key, looked up by the key's hash.

    Attributes:
        hashes: sorted.
        found: at the same places: time in microseconds since 2000, transaction, id, operation, and
            the hash of the row as recorded.
        read: how many changes there were in all.
        unidentified: how many of them name no key.
        matched: which keys a row was found for.
    """

    hashes: NDArray[np.uint64]
    found: NDArray[np.void]
    read: int = 0
    unidentified: int = 0
    matched: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.matched = np.zeros(len(self.hashes), np.bool_)

    def places(self, hashes: NDArray[np.uint64]) -> Places:
        """Where the newest change of each key is, or -1; marks what it finds."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.int64)
        places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1).astype(np.int64)
        hit = np.asarray(self.hashes[places]) == hashes
        self.matched[places[hit]] = True
        return np.where(hit, places, -1)

    def at(self, place: int) -> datetime:
        """When the change was captured."""
        return moment_of(int(self.found["at"][place]))

    def ids(self, places: Places) -> list[str]:
        """The changes' ids in hexadecimal."""
        return [bytes(value).hex() for value in self.found["id"][places]]

    def unmatched(self) -> Places:
        """Keys that no row was found for although their newest change is no delete."""
        return np.flatnonzero(~self.matched & (self.found["op"] != DELETE)).astype(np.int64)


def moment_of(microseconds: int) -> datetime:
    """An instant from the server's binary form; infinities become the ends of time."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if microseconds > 0 else datetime.min.replace(tzinfo=UTC)


def newest(blocks: Iterable[Wire], directory: Path, *, memory: int = 1_000_000) -> Newest:
    """Keep the newest change of each key.

    Args:
        blocks: changes in any order.
        directory: for temporary files, which hold hashes, times and ids and no value of a row.
        memory: so many changes are held at once; beyond that they go to files by the first byte of their hash.
    """
    spool = _Spool(directory, memory)
    read = unidentified = 0
    for block in blocks:
        read += len(block)
        nameless = block["op"] == UNIDENTIFIED
        unidentified += int(nameless.sum())
        spool.add(block[~nameless])
    hashes, found = spool.finish()
    return Newest(hashes, found, read, unidentified)


class _Spool:
    def __init__(self, directory: Path, memory: int) -> None:
        self._directory, self._memory = directory, memory
        self._blocks: list[Wire] = []
        self._held = 0
        self._spilled = False

    def add(self, block: Wire) -> None:
        self._blocks.append(block.astype(_HELD))
        self._held += len(block)
        if self._held > self._memory:
            self._spill()

    def finish(self) -> tuple[NDArray[np.uint64], NDArray[np.void]]:
        if not self._spilled:
            return _reduced(np.concatenate([*self._blocks, np.empty(0, _HELD)]))
        self._spill()
        hash_file, found_file = self._directory / "hashes", self._directory / "found"
        with hash_file.open("wb") as hashes, found_file.open("wb") as found:
            for bucket in range(_BUCKETS):
                path = self._bucket(bucket)
                if path.exists():
                    some_hashes, some_found = _reduced(np.fromfile(path, _HELD))
                    hashes.write(some_hashes.tobytes())
                    found.write(some_found.tobytes())
                    path.unlink()
        return np.memmap(hash_file, np.uint64, "r"), np.memmap(found_file, _STORED, "r")

    def _spill(self) -> None:
        self._spilled = True
        held = np.concatenate([*self._blocks, np.empty(0, _HELD)])
        buckets = (held["hash"].astype(np.uint64) >> np.uint64(56)).astype(np.int64)
        order = np.argsort(buckets, kind="stable")
        edges = np.searchsorted(buckets[order], np.arange(_BUCKETS + 1))
        for bucket in range(_BUCKETS):
            part = order[edges[bucket] : edges[bucket + 1]]
            if len(part):
                with self._bucket(bucket).open("ab") as stream:
                    stream.write(held[part].tobytes())
        self._blocks, self._held = [], 0

    def _bucket(self, number: int) -> Path:
        return self._directory / f"bucket-{number:03}"


def _reduced(records: Wire) -> tuple[NDArray[np.uint64], NDArray[np.void]]:
    """The last record of each key by time; of two at the same microsecond a delete is the last."""
    hashes = records["hash"].astype(np.uint64)
    order = np.lexsort((records["op"].astype(np.int64), records["at"].astype(np.int64), hashes))
    hashes = hashes[order]
    last = np.ones(len(hashes), np.bool_)
    last[:-1] = hashes[1:] != hashes[:-1]
    kept = order[last]
    found = np.empty(len(kept), _STORED)
    for name in ("at", "txid", "id", "op", "digest"):
        found[name] = records[name][kept]
    return hashes[last], found


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A directory for `newest`, gone when its `with` ends."""
    return tempfile.TemporaryDirectory(prefix="threadline-verify-")
