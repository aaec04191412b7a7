"""The evidence store in an object store: what runs on any machine left, kept where it outlives the machine.

The local directory stays the place where runs write and readers read; it is brought up to date from the objects
before anything is added or read. Objects are created and never replaced. No file system layer offers creation as one
atomic step everywhere, so an object is looked for, written, and read back: two runs that record within the same
instant on two machines can meet, the one that reads back the other's record takes the next place, and what slips
through nevertheless is a break in the chain that `verify` shows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

from pyarrow import fs

from threadline_ops.errors import EvidenceError, OpsError

_PLACE = re.compile(r"chain/(\d{10})\.json")
#: Requests at a time; each waits for the network almost all of its life.
_REQUESTS = 16


class Remote:
    """Objects below one URI, named as the files of the local directory are.

    Args:
        uri: such as s3://bucket/prefix; it holds no credentials.

    Raises:
        SettingsError: the URI cannot be used, or carries a secret.
        EvidenceError: the store does not answer.
    """

    def __init__(self, uri: str) -> None:
        # Late, because exports leave evidence and so import this package.
        from threadline_ops.export.stores import reached

        self.shown = uri.split("?")[0]
        with self._told():
            self._filesystem, path = reached(uri)
        self._root = path.rstrip("/")

    def names(self, folder: str = "") -> list[str]:
        """The objects below a folder, relative to the URI."""
        selector = fs.FileSelector(f"{self._root}/{folder}".rstrip("/"), recursive=True, allow_not_found=True)
        with self._told():
            entries = cast("list[Any]", self._filesystem.get_file_info(selector))
        return sorted(entry.path[len(self._root) + 1 :] for entry in entries if entry.is_file)

    def read(self, name: str) -> bytes | None:
        """An object's content; None if there is none."""
        with self._told():
            try:
                with self._filesystem.open_input_stream(f"{self._root}/{name}", compression=None) as stream:
                    return bytes(stream.read())
            except FileNotFoundError:
                return None

    def read_all(self, names: list[str]) -> list[bytes | None]:
        """The contents of many objects, in order."""
        with ThreadPoolExecutor(_REQUESTS) as pool:
            return list(pool.map(self.read, names))

    def places(self) -> list[int]:
        """The places in the chain that have a record, in order."""
        return sorted(int(match[1]) for name in self.names("chain") if (match := _PLACE.fullmatch(name)))

    def create(self, name: str, content: bytes, *, over: bool = False) -> bool:
        """Create an object unless one is there; whether it is ours, which one of the same content is as well.

        Args:
            name: relative to the URI.
            content: of the whole object.
            over: replace what is there: something that is no evidence yet, because no record names it.
        """
        path = f"{self._root}/{name}"
        with self._told():
            if over or self._filesystem.get_file_info(path).type == fs.FileType.NotFound:
                if isinstance(self._filesystem, fs.LocalFileSystem):
                    self._filesystem.create_dir(path.rpartition("/")[0])
                with self._filesystem.open_output_stream(path, compression=None) as stream:
                    stream.write(content)
        return self.read(name) == content

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except OSError:
            # Not the exception's text: it may quote the request.
            raise EvidenceError(
                "the evidence's object store failed",
                got=self.shown,
                fix="check its address, state and access; what this run could not leave there, the next one does",
            ) from None
        except OpsError as error:
            raise EvidenceError(f"evidence.remote: {error.what}", got=error.got, fix=error.fix) from None


def differences(remote: Remote, contents: dict[str, str]) -> list[tuple[str, str]]:
    """Objects that are not what the local files are, each with what is wrong.

    Args:
        remote: where the objects are.
        contents: SHA-256 of every local record and log, by name.
    """
    there = set(remote.names())
    found = [(name, "is missing from the object store") for name in sorted(contents.keys() - there)]
    found += [(name, "no record names this object") for name in sorted(there - contents.keys())]
    shared = sorted(contents.keys() & there)
    for start in range(0, len(shared), 1_000):
        names = shared[start : start + 1_000]
        for name, content in zip(names, remote.read_all(names), strict=True):
            if content is None or hashlib.sha256(content).hexdigest() != contents[name]:
                found.append((name, "differs in the object store"))
    return found
