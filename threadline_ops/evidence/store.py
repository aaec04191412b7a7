"""The evidence store: a directory with one record and one log a run, chained by hashes, never overwritten.

- `<run id>.json`: the record, by its run
- `<run id>.log.gz`: the run's log
- `chain/0000000042.json`: the same record (a hard link), by its place in the chain
- `running/`: what runs in progress have written so far
- `HEAD`: the newest place and its hash, so that a put need not look for it
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from threadline_ops.errors import EvidenceError
from threadline_ops.evidence import sharing
from threadline_ops.evidence.files import locked, replace, run_id_checked, sync_directory, written
from threadline_ops.evidence.logfile import LogFile
from threadline_ops.evidence.remote import Remote
from threadline_ops.settings import Settings

#: What the first record names as its predecessor.
GENESIS = "0" * 64


@dataclass(frozen=True)
class Head:
    """A place in the chain: its number, from 1, and the SHA-256 of the record there."""

    sequence: int
    sha256: str


class Store:
    """Evidence in a local directory, and in an object store if one is set.

    Args:
        directory: made on first use, readable by its owner alone.
        remote: where records and logs are kept beyond this machine.
    """

    def __init__(self, directory: Path, remote: Remote | None = None) -> None:
        self.directory = directory
        self.remote = remote
        self.chain = directory / "chain"
        self.running = directory / "running"

    def record_path(self, run_id: str) -> Path:
        """The file of a run's record."""
        return self.directory / f"{run_id_checked(run_id)}.json"

    def log_path(self, run_id: str) -> Path:
        """The file of a run's compressed log."""
        return self.directory / f"{run_id_checked(run_id)}.log.gz"

    def chain_path(self, sequence: int) -> Path:
        """The file of a place in the chain."""
        return self.chain / f"{sequence:010d}.json"

    def partial_path(self, run_id: str) -> Path:
        """The file of a live run's log."""
        return self.running / f"{run_id_checked(run_id)}.partial"

    def opening_path(self, run_id: str) -> Path:
        """The file that says what a live run set out to do."""
        return self.running / f"{run_id_checked(run_id)}.json"

    @contextmanager
    def lock(self) -> Generator[None]:
        """Keep other processes from adding to the store."""
        with locked(self.directory / ".lock"):
            yield

    @contextmanager
    def log(self, run_id: str, opening: dict[str, Any] | None = None, *, resume: bool = False) -> Generator[LogFile]:
        """Open a run's log, and leave word of what the run sets out to do.

        Args:
            run_id: of it.
            opening: the first part of its record, for whoever must finish it after a kill.
            resume: go on with the log of an earlier attempt of the same run.

        Raises:
            EvidenceError: the directory cannot be written, or the run has evidence already.
        """
        try:
            log = self._open(run_id, opening or {}, resume=resume)
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

    def _open(self, run_id: str, opening: dict[str, Any], *, resume: bool) -> LogFile:
        final, record = self.log_path(run_id), self.record_path(run_id)
        self._make()
        # Under the lock, so that nobody takes a log that has no lock of its own yet for a dead one.
        with self.lock():
            if final.exists() or record.exists() or self.opening_path(run_id).exists() is not resume:
                raise FileExistsError
            log = LogFile(self.partial_path(run_id), final, resume=resume)
            if not log.ours:
                log.close()
                raise FileExistsError
            replace(self.opening_path(run_id), rfc8785.dumps(opening))
            return log

    def put(self, run_id: str, build: Callable[[int, str], bytes]) -> Head:
        """Add a run's record to the chain, whole or not at all.

        The number of records does not matter: HEAD names the newest, or one that the loop in `head` walks on from.
        The hard link on the place in the chain decides: it can be taken once.

        Args:
            run_id: one record each.
            build: makes the record from its place and the hash of its predecessor.

        Raises:
            EvidenceError: the run has a record already, or the store cannot be written.
        """
        try:
            with self.lock():
                while True:
                    newest = self.head() or Head(0, GENESIS)
                    if self.record_path(run_id).exists():
                        raise FileExistsError
                    content = build(newest.sequence + 1, newest.sha256)
                    head = Head(newest.sequence + 1, hashlib.sha256(content).hexdigest())
                    if self.remote is None or sharing.offer(self, self.remote, run_id, head, content):
                        self._add(run_id, head, content)
                        return head
                    sharing.fetch(self, self.remote)
        except FileExistsError:
            raise EvidenceError("evidence is never replaced", got=run_id, fix="use a new run id") from None
        except OSError as error:
            raise EvidenceError(
                f"evidence cannot be written: {error.strerror}",
                got=str(self.directory),
                fix="free space or correct permissions",
            ) from None

    def pull(self) -> None:
        """Take in what other machines have left in the object store, if there is one.

        Raises:
            EvidenceError: the object store does not answer.
        """
        if self.remote is not None:
            self._make()
            with self.lock():
                sharing.fetch(self, self.remote)

    def note(self, head: Head) -> None:
        """Remember the newest place, so that a put need not look for it."""
        replace(self.directory / "HEAD", rfc8785.dumps({"sequence": head.sequence, "sha256": head.sha256}))

    def _make(self) -> None:
        for directory in (self.directory, self.chain, self.running):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def clear(self, run_id: str) -> None:
        """Forget a live run whose record stands; what a crash in between leaves, `finish_killed` clears."""
        self.partial_path(run_id).unlink(missing_ok=True)
        self.opening_path(run_id).unlink(missing_ok=True)

    def _add(self, run_id: str, head: Head, content: bytes) -> None:
        with written(self.directory, content) as temporary:
            os.link(temporary, self.chain_path(head.sequence))
            os.link(temporary, self.record_path(run_id))
        sync_directory(self.chain)
        self.note(head)

    def head(self) -> Head | None:
        """The newest place in the chain, or None while there is none.

        What HEAD says stands even when that record is gone or altered: the next record then shows the gap for
        good. A record beyond HEAD is of a process that died between the two, and is taken in.
        """
        newest = self.noted_head() or self._listed_head()
        while newest and (path := self.chain_path(newest.sequence + 1)).exists():
            content = path.read_bytes()
            self.name(content, path)
            newest = Head(newest.sequence + 1, hashlib.sha256(content).hexdigest())
        return newest

    def sha256(self, sequence: int) -> str | None:
        """The hash of the record at a place, as its file is now; None if there is none."""
        try:
            return hashlib.sha256(self.chain_path(sequence).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def noted_head(self) -> Head | None:
        """What HEAD says, or None if it is missing or not of its form."""
        try:
            noted = json.loads((self.directory / "HEAD").read_bytes())
            return Head(int(noted["sequence"]), str(noted["sha256"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def sequences(self) -> list[int]:
        """The places in the chain that have a record, in order."""
        try:
            return sorted(int(name[:-5]) for name in os.listdir(self.chain) if re.fullmatch(r"\d{10}\.json", name))
        except FileNotFoundError:
            return []

    def _listed_head(self) -> Head | None:
        places = self.sequences()
        if not places:
            return None
        path = self.chain_path(places[-1])
        content = path.read_bytes()
        self.name(content, path)
        return Head(places[-1], hashlib.sha256(content).hexdigest())

    def name(self, content: bytes, place: Path) -> None:
        """Give a record its run's name, if its process died before it could."""
        try:
            os.link(place, self.record_path(str(json.loads(content)["run_id"])))
        except (OSError, ValueError, KeyError, TypeError, EvidenceError):
            return  # it has it, or it is no record of ours, which verify will say


def store_of(settings: Settings) -> Store:
    """The store that the settings name, with everything in it that other machines left.

    Raises:
        EvidenceError: the object store does not answer.
    """
    if settings.evidence.remote is None:
        return Store(settings.evidence.directory)
    store = Store(settings.evidence.directory, Remote(settings.evidence.remote))
    store.pull()
    return store
