"""The archive store: a local directory or any URI that Arrow's file systems know, with whole files only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pyarrow as pa
from pyarrow import fs

from threadline_ops.errors import ContinuityError, SettingsError
from threadline_ops.settings import Settings


class Store:
    """Files below one root, named by relative paths with slashes.

    A file appears whole or not at all, and is never replaced: locally by a hard link from a synced temporary
    file, in an object store by the single request that creates the object.

    Args:
        filesystem: of Arrow.
        root: path within it.
    """

    def __init__(self, filesystem: fs.FileSystem, root: str) -> None:
        self._filesystem = filesystem
        self.root = root.rstrip("/")
        self._local = isinstance(filesystem, fs.LocalFileSystem)

    def place(self, name: str) -> str:
        """Where a file is, for people; holds no credential."""
        return f"{self.root}/{name}"

    def names(self, directory: str) -> list[str]:
        """The entries of a directory, sorted; none when it does not exist."""
        selector = fs.FileSelector(self.place(directory), allow_not_found=True)
        entries = cast("list[Any]", self._filesystem.get_file_info(selector))
        return sorted(str(entry.base_name) for entry in entries)

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            ContinuityError: it is not there or cannot be read.
        """
        try:
            with self._filesystem.open_input_stream(self.place(name)) as stream:
                return bytes(stream.read())
        except (OSError, pa.ArrowException) as error:
            raise ContinuityError(
                f"a file of the baseline cannot be read: {type(error).__name__}",
                got=self.place(name),
                fix="restore it, or take a new baseline with --refresh",
            ) from None

    def publish(self, name: str, content: bytes, *, same: bool = False) -> None:
        """Write a file, whole and durable; an existing one is never replaced.

        Args:
            name: relative to the root.
            content: of the whole file.
            same: an existing file is known to be the same, because its name tells its content.

        Raises:
            ContinuityError: it exists already, so another run is at work, or it cannot be written.
        """
        path = self.place(name)
        try:
            if self._local:
                _publish_locally(Path(path), content)
                return
            if self._filesystem.get_file_info(path).type != fs.FileType.NotFound:
                raise FileExistsError
            with self._filesystem.open_output_stream(path) as stream:
                stream.write(content)
        except FileExistsError:
            if same:
                return
            raise ContinuityError(
                "a file of the baseline appeared meanwhile, so another run is at work on it",
                got=path,
                fix="let that run end, then run again",
            ) from None
        except (OSError, pa.ArrowException) as error:
            raise ContinuityError(
                f"the archive store cannot be written: {type(error).__name__}",
                got=path,
                fix="free space, or correct THREADLINE_OPS_ARCHIVE_URI and its permissions",
            ) from None

    def remove(self, name: str) -> None:
        """Delete a file that no manifest names, or that is of a version nobody finished; none is no error.

        Raises:
            ContinuityError: it cannot be deleted.
        """
        try:
            self._filesystem.delete_file(self.place(name))
        except FileNotFoundError:
            return
        except (OSError, pa.ArrowException) as error:
            raise ContinuityError(
                f"a left-over file of an unfinished baseline cannot be deleted: {type(error).__name__}",
                got=self.place(name),
                fix="delete it, or correct the permissions of the archive store",
            ) from None


def store(settings: Settings) -> Store:
    """The store that the settings name.

    Raises:
        SettingsError: none is named, or its URI is not understood.
    """
    if settings.archive_uri is None:
        raise SettingsError(
            "no archive store is set", fix="set THREADLINE_OPS_ARCHIVE_URI, such as file:///srv/threadline"
        )
    uri = settings.archive_uri.get_secret_value()
    if "://" not in uri:
        return Store(fs.LocalFileSystem(), str(Path(uri).absolute()))
    try:
        filesystem, root = fs.FileSystem.from_uri(uri)
    except (OSError, pa.ArrowException):
        # Not the exception's text: it may quote the URI, which may hold credentials.
        raise SettingsError(
            "the archive store's URI is not understood",
            fix="write THREADLINE_OPS_ARCHIVE_URI as file:///path, s3://bucket/path or gs://bucket/path",
        ) from None
    return Store(filesystem, root)


def component(name: str) -> str:
    """A name as one component of a path, whatever characters a table's name has."""
    return quote(name, safe=" ").replace(".", "%2E").replace(" ", "%20")


def _publish_locally(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
