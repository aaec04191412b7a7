"""Where the archive lies: a local directory or any URI that exports reach, with whole files only.

manifests/00000042.json          one entry of the chain each, never replaced
days/2026-01-31/v1/part-*.parquet
reports/<run>/2026-01-31-7.json  ids of rows that differed
iceberg/                         the table's own metadata, where archive.format asks for it
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pyarrow import fs

from threadline_ops.continuity.store import Store
from threadline_ops.errors import ArchiveError, ContinuityError
from threadline_ops.export.destination import Destination
from threadline_ops.export.stores import reached, s3_options, told
from threadline_ops.settings import Settings

#: Below the archive store, beside the baselines.
FOLDER = "archive"


class Files:
    """The files of one archive.

    Args:
        location: a path or URI.
    """

    def __init__(self, location: str) -> None:
        parts = urlsplit(location)
        if parts.scheme == "file":
            location = url2pathname(parts.path)
        self._head, self._mark, self._query = location.partition("?") if "://" in location else (location, "", "")
        self.local = "://" not in location
        filesystem, root = (fs.LocalFileSystem(), str(Path(location).absolute())) if self.local else reached(location)
        self.filesystem: fs.FileSystem = filesystem
        self._store = Store(filesystem, root)

    @property
    def shown(self) -> str:
        """The place for people, without options."""
        return self._store.root if self.local else self._head

    @property
    def uri(self) -> str:
        """The place as engines of tables write it."""
        return f"file://{self._store.root}" if self.local else self._head.rstrip("/")

    @property
    def s3_options(self) -> dict[str, str]:
        """Region and endpoint of an S3 store, for another client of it; empty elsewhere."""
        return s3_options(urlsplit(self._head + self._mark + self._query)) if self._head.startswith("s3://") else {}

    def path(self, name: str) -> str:
        """Where a file is, for the file system."""
        return self._store.place(name)

    def names(self, folder: str) -> list[str]:
        """The entries of a folder, sorted; none when it does not exist."""
        with told(self.shown):
            return self._store.names(folder)

    def read(self, name: str) -> bytes | None:
        """A file's content, or None when it is not there.

        Raises:
            ArchiveError: it is there but cannot be read.
        """
        try:
            with self.filesystem.open_input_stream(self.path(name)) as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ArchiveError(
                f"a file of the archive cannot be read: {type(error).__name__}",
                got=self.path(name),
                fix="check the store's state and access",
            ) from None

    def publish(self, name: str, content: bytes) -> None:
        """Write a file, whole and durable; an existing one is never replaced.

        Raises:
            ArchiveError: it exists, or cannot be written.
        """
        try:
            self._store.publish(name, content)
        except ContinuityError:
            raise ArchiveError(
                "a file of the archive exists already, or cannot be written",
                got=self.path(name),
                fix="free space, check the store's access, and let no second writer at this archive",
            ) from None

    def destination(self, folder: str) -> Destination:
        """A place for a day's files, which appear together."""
        return Destination(f"{self._head.rstrip('/')}/{folder}{self._mark}{self._query}")

    def remove(self, folder: str) -> None:
        """Remove a folder and everything in it; nothing happens where there is none."""
        with told(self.shown):
            if self.filesystem.get_file_info(self.path(folder)).type == fs.FileType.Directory:
                self.filesystem.delete_dir(self.path(folder))

    def remove_file(self, name: str) -> None:
        """Remove one file; nothing happens where there is none."""
        with told(self.shown), suppress(FileNotFoundError):
            self.filesystem.delete_file(self.path(name))


def files_of(settings: Settings) -> Files:
    """The archive that the settings name: below THREADLINE_OPS_ARCHIVE_URI, else archive.directory.

    Raises:
        SettingsError: the URI cannot be used.
    """
    if settings.archive_uri is None:
        return Files(settings.archive.directory)
    head, mark, query = settings.archive_uri.get_secret_value().partition("?")
    return Files(f"{head.rstrip('/')}/{FOLDER}{mark}{query}")
