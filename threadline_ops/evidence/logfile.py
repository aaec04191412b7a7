"""A run's log: plain text while the run works, gzip beside the record afterwards."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import IO, Any

from threadline_ops.errors import EvidenceError
from threadline_ops.evidence.files import sync_directory, try_lock, written


class LogFile:
    """A live log. Its lock lasts as long as its process, so that others can tell a live run from a killed one.

    Args:
        partial: where lines go while the run works.
        final: where the compressed log goes at the end.
        resume: take over the log of a run that was killed.
    """

    def __init__(self, partial: Path, final: Path, *, resume: bool = False) -> None:
        self._partial = partial
        self._final = final
        self._stream: IO[str] = partial.open("a" if resume else "x", encoding="utf-8")
        self.ours = try_lock(self._stream.fileno())

    def write(self, line: str) -> None:
        """Append a line and hand it to the operating system at once."""
        self._stream.write(line)
        self._stream.flush()

    def finish(self) -> dict[str, Any]:
        """Compress the log into its final place, read it back, and describe it.

        A log that is there already is a leftover of a run killed before its record: no record names it, so it
        is no evidence yet and may be replaced.
        """
        self._stream.flush()
        text = self._partial.read_bytes()
        packed = gzip.compress(text, mtime=0)
        with written(self._final.parent, packed) as temporary:
            temporary.replace(self._final)
        sync_directory(self._final.parent)
        return describe(self._final, text)

    def close(self) -> None:
        """Close the file, finished or not, and free its lock."""
        self._stream.close()


def read(path: Path) -> str:
    """The text of a stored log.

    Raises:
        EvidenceError: it is missing or damaged.
    """
    try:
        return gzip.decompress(path.read_bytes()).decode()
    except (OSError, EOFError, ValueError):
        raise EvidenceError(
            "the run's log cannot be read", got=path.name, fix="run threadline-ops evidence verify"
        ) from None


def describe(path: Path, text: bytes) -> dict[str, Any]:
    """A stored log as its record names it; `reread` says that it was read back and held this text."""
    packed = path.read_bytes()
    return {
        "file": path.name,
        "sha256": hashlib.sha256(text).hexdigest(),
        "file_sha256": hashlib.sha256(packed).hexdigest(),
        "bytes": len(packed),
        "lines": text.count(b"\n"),
        "reread": holds(packed, text),
    }


def damage_is_noticed(path: Path) -> bool:
    """The negative control of `reread`: with one byte of the stored log changed, `holds` must say no."""
    packed = path.read_bytes()
    return not holds(packed[:-5] + bytes([packed[-5] ^ 1]) + packed[-4:], gzip.decompress(packed))


def holds(packed: bytes, text: bytes) -> bool:
    """Whether a compressed log gives back exactly this text."""
    try:
        return gzip.decompress(packed) == text
    except (OSError, EOFError, ValueError):
        return False
