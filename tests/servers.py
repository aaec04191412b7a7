"""The server on which tests make and drop databases, and how they copy and drop them quickly.

A test's own database costs more than most tests do, so what is slow about it is avoided here: files on a disk
(some 300 a database: on a busy disk 250 ms to copy, in memory 12), a login for each statement, the key
derivation in each login, and the server's wait when a database is dropped under a session that is just ending.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from threadline_ops import embedded

#: A file system in memory, on Linux; containers often have a small one.
MEMORY = Path("/dev/shm")
#: For the servers of two workers: each holds a few databases of 8 MB and its write-ahead log, 120 MB at most as measured.
ROOM_BYTES = 1024**3
#: How long to let sessions end by themselves before their database is dropped with force.
ENDING_SECONDS = 0.08


@dataclass(frozen=True)
class TestServer:
    """A server on which tests may make and drop databases; `log` is its own log, where we started it."""

    __test__ = False
    admin: str = field(repr=False)
    log: Path | None = None
    _sessions: dict[int, psycopg.Connection] = field(default_factory=dict, repr=False)

    def dsn(self, database: str) -> str:
        return make_conninfo(self.admin, dbname=database)

    @contextmanager
    def clone(self, template: str = "template0", *, name: str = "test") -> Iterator[str]:
        """The DSN of a copy of a template, dropped at exit whoever is still connected.

        FILE_COPY took 19 ms for 30 small tables and WAL_LOG 24; for an empty template both took 14.
        """
        unique = f"{name}_{secrets.token_hex(6)}"  # workers may share one server
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._run(copy.format(sql.Identifier(unique), sql.Identifier(template)))
        try:
            yield self.dsn(unique)
        finally:
            self._drop(unique)

    def close(self) -> None:
        """End the session that databases are made and dropped in."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def _drop(self, database: str) -> None:
        # A session that was closed a moment ago may not have ended yet. The server would end it by force and look
        # again after 100 ms.
        deadline = time.monotonic() + ENDING_SECONDS
        left = "select 1 from pg_stat_activity where datname = %s"
        while self._run(left, database).rowcount and time.monotonic() < deadline:
            time.sleep(0.001)
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def _run(self, statement: str | sql.Composed, *values: str) -> psycopg.Cursor:
        session = self._sessions.get(os.getpid())
        if session is None or session.closed:
            session = self._sessions[os.getpid()] = psycopg.connect(self.admin, autocommit=True)
        return session.execute(statement, values or None)


@contextmanager
def template_database(server: TestServer, name: str, build: Callable[[str], None]) -> Iterator[str]:
    """The name of a database that `build` filled, to be cloned by `server.clone(template)`.

    `build` gets its DSN and must leave no connection open: a database in use cannot be cloned.
    """
    with server.clone(name=f"template_{name}") as dsn:
        build(dsn)
        yield str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])


@contextmanager
def given() -> Iterator[TestServer]:
    """The server of THREADLINE_OPS_DSN, which names a superuser."""
    server = TestServer(os.environ["THREADLINE_OPS_DSN"])
    yield server
    server.close()


@contextmanager
def started() -> Iterator[TestServer]:
    """A server of our own, gone afterwards: in memory where there is room, and quick to log in to.

    Without autovacuum, whose transactions and locks would come into a test at a time of their own.
    """
    room = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    settings = {"scram_iterations": "1", "autovacuum": "off", "max_wal_size": "256MB"}
    with embedded.temporary(settings=settings, parent=MEMORY if room else None) as running:
        with psycopg.connect(running.dsn()) as connection:
            # The same password, stored anew: initdb's 4,096 rounds are 3 ms of each of thousands of logins.
            connection.execute(sql.SQL("alter role postgres password {}").format(running.password))
        server = TestServer(running.dsn(), running.log_file)
        yield server
        server.close()
