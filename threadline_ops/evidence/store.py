"""The evidence store: a directory with one record and one log a run, never overwritten."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from threadline_ops.errors import EvidenceError

#: A run id becomes a file name; Dagster's and ours are UUIDs.
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,99}")


class LogFile:
    """A run's log, written line by line beside its final place, so that a killed run leaves what it wrote."""

    def __init__(self, path: Path) -> None:
        self._final = path
        self._partial = path.with_suffix(".partial")
        self._stream: IO[str] = self._partial.open("x", encoding="utf-8")

    def write(self, line: str) -> None:
        """Append a line and hand it to the operating system at once."""
        self._stream.write(line)
        self._stream.flush()

    def finish(self) -> dict[str, Any]:
        """Compress the log into its final place and describe it: file, sha256 of the text, lines."""
        self._stream.close()
        text = self._partial.read_bytes()
        publish(self._final, gzip.compress(text, mtime=0))
        self._partial.unlink()
        return {
            "file": self._final.name,
            "sha256": hashlib.sha256(text).hexdigest(),
            "lines": text.count(b"\n"),
        }

    def close(self) -> None:
        """Close the file, finished or not."""
        self._stream.close()


class Store:
    """Evidence in a local directory.

    Args:
        directory: made on first use, readable by its owner alone.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def record_path(self, run_id: str) -> Path:
        """The file of a run's record."""
        return self.directory / f"{_checked(run_id)}.json"

    def log_path(self, run_id: str) -> Path:
        """The file of a run's compressed log."""
        return self.directory / f"{_checked(run_id)}.log.gz"

    @contextmanager
    def log(self, run_id: str) -> Generator[LogFile]:
        """Open a run's log.

        Raises:
            EvidenceError: the directory cannot be written, or the run has evidence already.
        """
        path = self.log_path(run_id)
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.exists() or self.record_path(run_id).exists():
                raise FileExistsError
            log = LogFile(path)
        except FileExistsError:
            raise EvidenceError("this run has evidence already", got=run_id, fix="use a new run id") from None
        except OSError as error:
            raise EvidenceError(
                f"the evidence store cannot be written: {error.strerror}",
                got=str(self.directory),
                fix="correct evidence.directory or its permissions; nothing was run",
            ) from None
        try:
            yield log
        finally:
            log.close()

    def put(self, run_id: str, record: bytes) -> None:
        """Publish a run's record, whole or not at all."""
        publish(self.record_path(run_id), record)


def publish(path: Path, content: bytes) -> None:
    """Write a file so that it appears complete and survives a power cut; an existing one is never replaced.

    Raises:
        EvidenceError: the file exists, or cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            os.link(name, path)
        finally:
            Path(name).unlink()
        _sync_directory(path.parent)
    except FileExistsError:
        raise EvidenceError("evidence is never replaced", got=path.name, fix="use a new run id") from None
    except OSError as error:
        raise EvidenceError(
            f"evidence cannot be written: {error.strerror}",
            got=str(path),
            fix="free space or correct permissions",
        ) from None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(run_id: str) -> str:
    if not _RUN_ID.fullmatch(run_id):
        raise EvidenceError(
            "a run id must be 1 to 100 letters, digits, dots, dashes or underscores",
            got=run_id[:100],
            fix="correct it",
        )
    return run_id
