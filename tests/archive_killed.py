"""A process that runs `archive_then_purge` in a fork of itself and kills it at the n-th step with an effect.

A step is a statement that writes rows, the end of a transaction that wrote (before and after it), or a part of the archive
that takes its name: between two of them neither rows nor archive change. EVERY_STEP=1 counts the making of tables and the
files of evidence and Parquet, too. ICEBERG=1 counts what happens to the Iceberg table instead: its metadata's files, and
its commits. Forks, so that importing is paid once. Lines in: dsn, place, the archive's URI or nothing, number (0: run to the end); lines out:
the process's id, so that somebody else may kill it, then exit status and steps taken.
"""

import os
import re
import signal
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import psycopg
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFile

from tests.archive import archive_settings, purged
from threadline_ops.archive.store import Files

ICEBERG = os.environ.get("ICEBERG") == "1"
EVERY = os.environ.get("EVERY_STEP") == "1"
_VERBS = "insert|update|delete|create" if EVERY else "insert|update|delete"
WRITES = re.compile(rf"^\s*({_VERBS})\b|\bdelete from\b", re.IGNORECASE | re.MULTILINE)


class Steps:
    """Counts, and kills its own process at the chosen one."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.taken = 0
        self._lock = threading.Lock()
        self._wrote: weakref.WeakSet[psycopg.Connection] = weakref.WeakSet()

    def step(self) -> None:
        with self._lock:
            self.taken += 1
            if self.taken == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    def statements(self) -> None:
        original = psycopg.Connection.execute

        def execute(connection: psycopg.Connection, query: Any, *arguments: Any, **named: Any) -> Any:
            result = original(connection, query, *arguments, **named)
            text = query if isinstance(query, str) else query.as_string(None)
            if WRITES.search(re.sub(r"^--.*$", "", text, flags=re.MULTILINE)):
                self._wrote.add(connection)
                self.step()
            return result

        psycopg.Connection.execute = execute

    def transactions(self) -> None:
        original = psycopg.Transaction.__exit__

        def leave(transaction: psycopg.Transaction, *arguments: Any) -> Any:
            wrote = transaction.connection in self._wrote
            if wrote:
                self.step()
            result = original(transaction, *arguments)
            if wrote:
                self._wrote.discard(transaction.connection)
                self.step()
            return result

        psycopg.Transaction.__exit__ = leave

    def around(self, owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def named(*arguments: Any, **options: Any) -> Any:
            self.step()
            result = original(*arguments, **options)
            self.step()
            return result

        setattr(owner, name, named)


#: What a run asks of the archive; a test that looks at it asks the same.
ARCHIVE: dict[str, Any] = {"slice_rows": 3} | ({"format": "iceberg"} if ICEBERG else {})
TABLE = (
    (PyArrowFile, "create"), (SqlCatalog, "create_namespace"), (SqlCatalog, "create_table"),
    (SqlCatalog, "commit_table"), (Files, "publish"), (Files, "remove_file"),
)  # fmt: skip


def run(dsn: str, place: str, uri: str, fatal: int) -> int:
    """The run itself, in the child; how many steps it took."""
    steps = Steps(fatal)
    if ICEBERG:
        for owner, name in TABLE:
            steps.around(owner, name)
    else:
        steps.statements()
        steps.transactions()
        for name in ("rename", "link", *(["replace"] if EVERY else [])):
            steps.around(os, name)
    settings = archive_settings(dsn, Path(place), uri=uri or None, archive=ARCHIVE, record_action=True)
    quiet = settings.model_copy(update={"evidence": settings.evidence.model_copy(update={"anchor": "off"})})
    purged(quiet)
    return steps.taken


def main() -> None:
    for line in sys.stdin:
        dsn, place, uri, fatal = line.rstrip("\n").split("\t")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, str(run(dsn, place, uri, int(fatal))).encode())
            os._exit(0)
        os.close(writing)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        taken = os.read(reading, 20).decode() or "-"
        os.close(reading)
        print(f"{os.waitstatus_to_exitcode(status)}\t{taken}", flush=True)


if __name__ == "__main__":
    main()
