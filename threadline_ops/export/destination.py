"""Where exports go: a local path, or any URI that pyarrow or fsspec reaches.

An export is written beside its destination, under the same name with `.partial`, and takes its name when it is
complete: a local directory or file by one rename, objects one by one with the manifest last.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

from pyarrow import fs

from threadline_ops.export.stores import reached, told

PARTIAL = ".partial"


class _Stream(Protocol):
    def write(self, data: Any, /) -> Any: ...
    def flush(self) -> Any: ...


class Sink:
    """Counts and hashes what is written through it.

    Attributes:
        size: bytes so far.
        closed: for pyarrow, which asks.
    """

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        """Pass data on."""
        self._hash.update(data)
        self._stream.write(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing: the stream is flushed when it is closed."""

    def close(self) -> None:
        """Mark the sink closed; the stream belongs to whoever opened it."""
        self.closed = True

    def readable(self) -> bool:
        """No."""
        return False

    def writable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """No."""
        return False

    @property
    def sha256(self) -> str:
        """The digest of everything written."""
        return self._hash.hexdigest()


class Destination:
    """One place for one export.

    Args:
        location: a path, or a URI such as s3://bucket/prefix?region=eu-central-1.

    Raises:
        SettingsError: the URI cannot be used, or carries a secret.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self.local = "://" not in location
        if self.local:
            self.shown = self._path = os.path.abspath(location)
            self._fs: fs.FileSystem = fs.LocalFileSystem()
        else:
            self.shown = location.split("?")[0]
            self._fs, self._path = reached(location)
        self._path = self._path.rstrip("/")
        self.partial = self._path + PARTIAL

    def path(self, name: str = "", *, partial: bool = True) -> str:
        """Where a file of the export lies."""
        root = self.partial if partial else self._path
        return f"{root}/{name}" if name else root

    def beside(self, suffix: str) -> str:
        """The location of a companion file, with the same options."""
        head, mark, query = self._location.partition("?") if not self.local else (self._location, "", "")
        return head.rstrip("/") + suffix + mark + query

    def exists(self, *, partial: bool) -> bool:
        """Whether something is at the destination, or unfinished beside it."""
        with told(self.shown):
            info = self._fs.get_file_info(self.path(partial=partial))
            if info.type == fs.FileType.Directory:
                inside = self._fs.get_file_info(fs.FileSelector(info.path, allow_not_found=True))
                return bool(inside)
            return info.type != fs.FileType.NotFound

    @contextmanager
    def writing(self, name: str = "") -> Generator[Sink]:
        """A file of the unfinished export: whole when the `with` ends, else removed.

        Raises:
            ExportError: the file cannot be written.
        """
        final = self.path(name)
        with told(self.shown):
            if self.local:
                with _local_file(Path(final)) as stream:
                    yield Sink(stream)
            else:
                stream = self._fs.open_output_stream(final, compression=None)
                try:
                    yield Sink(cast("_Stream", stream))
                except BaseException:
                    with suppress(OSError):  # pyarrow cannot abort an upload, only complete it
                        stream.close()
                        self._fs.delete_file(final)
                    raise
                stream.close()

    def read(self, name: str, *, partial: bool = True) -> bytes | None:
        """A small file's content, or None."""
        with told(self.shown):
            try:
                with self._fs.open_input_stream(self.path(name, partial=partial)) as stream:
                    return stream.read()
            except FileNotFoundError:
                return None

    @contextmanager
    def reading(self, name: str) -> Generator[Any]:
        """A published file, opened for reading at any place."""
        with told(self.shown), self._fs.open_input_file(self.path(name, partial=False)) as stream:
            yield stream

    def names(self, folder: str) -> list[str]:
        """The files in a folder of the unfinished export."""
        with told(self.shown):
            found = self._fs.get_file_info(fs.FileSelector(self.path(folder), allow_not_found=True))
            return sorted(info.base_name for info in found if info.is_file and not info.base_name.endswith(".tmp"))

    def remove(self, name: str) -> None:
        """Remove a file or folder of the unfinished export, if it is there."""
        with told(self.shown):
            info = self._fs.get_file_info(self.path(name))
            if info.type == fs.FileType.Directory:
                self._fs.delete_dir(info.path)
            elif info.is_file:
                self._fs.delete_file(info.path)

    def publish(self, files: list[str]) -> None:
        """Give the finished export its name; `files` come in order, what tells that it is complete last."""
        with told(self.shown):
            if self.local:
                if Path(self._path).is_dir():
                    Path(self._path).rmdir()  # an empty one: the caller has looked
                os.rename(self.partial, self._path)
                _sync(Path(self._path).parent)
                return
            for name in files:
                # Copied, not moved: a publication that fails half-way can be repeated.
                self._fs.copy_file(self.path(name), self.path(name, partial=False))
            self.discard()

    def discard(self) -> None:
        """Remove the unfinished export; errors are ignored, because this runs while another one is raised."""
        with suppress(OSError):
            if not self.local:
                if self._fs.get_file_info(self.partial).is_file:
                    self._fs.delete_file(self.partial)
                else:
                    self._fs.delete_dir(self.partial)
            elif Path(self.partial).is_dir():
                shutil.rmtree(self.partial)
            else:
                Path(self.partial).unlink(missing_ok=True)


@contextmanager
def _local_file(path: Path) -> Generator[IO[bytes]]:
    temporary = path.with_name(path.name + ".tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb", buffering=1 << 20) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
