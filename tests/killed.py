"""A baseline run that stops dead at a given place and waits to be killed."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

from tests.continuity import baseline, settings_for
from threadline_ops.continuity.reading import Reader
from threadline_ops.continuity.store import Store


def run(dsn: str, directory: Path, where: str, number: int, there: Connection) -> None:
    """Take the baseline of `things`, in a process of its own.

    Args:
        where: "read": after a chunk was read; "data", "manifest": after such a file; "torn": within a data file.
        number: of the chunk, from 1; the last manifest closes the version.
        there: told when the place is reached.
    """
    publish, read = Store.publish, Reader.read
    calls = {"read": 0, "data": 0, "manifest": 0}

    def stop(kind: str) -> None:
        calls[kind] += 1
        if kind == where and calls[kind] == number:
            halt()

    def halt() -> None:
        there.send("there")
        threading.Event().wait()

    def reading(self: Reader, *arguments: Any) -> Any:
        stretch = read(self, *arguments)
        stop("read")
        return stretch

    def publishing(self: Store, name: str, content: bytes, **named: Any) -> None:
        if where == "torn" and name.endswith(".parquet") and f"chunk-{number:06}" in name:
            path = Path(self.place(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name("." + path.name + ".tmp").write_bytes(content[:100])
            halt()
        publish(self, name, content, **named)
        stop("data" if name.endswith(".parquet") else "manifest")

    with mock.patch.object(Store, "publish", publishing), mock.patch.object(Reader, "read", reading):
        baseline(settings_for(dsn, directory), "things")
