"""Connections to the audited database that stay safe behind a pooler in transaction mode.

Nothing here depends on session state: statements are never prepared on the server, every setting is
SET LOCAL inside a transaction, and locks are advisory locks of a transaction.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from threadline_ops import sql as sql_files
from threadline_ops.errors import DatabaseError, SchemaMissing, SettingsError, UnsafeDatabase
from threadline_ops.sections import DatabaseSettings
from threadline_ops.server_errors import translated, unreachable
from threadline_ops.settings import Settings

Connection = psycopg.Connection[TupleRow]

#: NAMEDATALEN - 1: PostgreSQL cuts a longer application_name.
_APPLICATION_NAME_BYTES = 63


@dataclass(frozen=True)
class Identity:
    """Which database this is, in terms that survive a change of its address.

    A restored or cloned cluster keeps its data but not its `system_identifier` or `timeline`, and only these
    tell that transaction ids may have started again. `pooled` tells that something stands in between: the process
    number that the server announced at login is not that of the process at work.
    """

    system_identifier: str
    timeline: int
    database: str
    server_version: str
    in_recovery: bool
    pooled: bool = False


@dataclass(frozen=True)
class Database:
    """A connection together with the rules that every transaction on it obeys."""

    connection: Connection
    settings: DatabaseSettings
    operation: str

    @contextmanager
    def transaction(
        self,
        *,
        read_only: bool = False,
        snapshot: bool | str = False,
        statement_timeout_ms: int | None = None,
    ) -> Generator[Connection]:
        """One transaction with its timeouts, UTC rendering and application name set locally.

        Args:
            read_only: the server refuses any write.
            snapshot: REPEATABLE READ, so that all statements see one state; the name of a snapshot that
                another transaction exported makes this one see the same state as that.
            statement_timeout_ms: instead of the setting; 0 means none.

        Raises:
            DatabaseError: the server refused a statement; the text is ours, so it holds no row's value.
        """
        timeout = self.settings.statement_timeout_ms if statement_timeout_ms is None else statement_timeout_ms
        with translated(), self.connection.transaction():
            self._characteristics(read_only=read_only, snapshot=snapshot)
            self.one("database/local_settings", local_settings(self.settings, self.operation, timeout))
            yield self.connection

    def _characteristics(self, *, read_only: bool, snapshot: bool | str) -> None:
        if snapshot:
            self.connection.execute("set transaction isolation level repeatable read")
        if isinstance(snapshot, str):
            # Before anything else: a transaction that has read already has a snapshot of its own.
            self.connection.execute(joining(snapshot))
        if read_only:
            self.connection.execute("set transaction read only")

    def statement(self, name: str, **identifiers: str) -> sql.Composed:
        """A statement from its file, with `{audit}` as the audited schema and `{operations}` as our own."""
        return statement(self.settings, name, **identifiers)

    def one(self, name: str, parameters: dict[str, Any] | None = None, **identifiers: str) -> TupleRow:
        """The single row of a statement, within the transaction at hand."""
        given = parameters or ({} if sql_files.takes_parameters(name) else None)
        row = self.connection.execute(self.statement(name, **identifiers), given).fetchone()
        if row is None:
            raise DatabaseError(f"statement {name} returned no row", fix="report this as a defect")
        return row

    def now(self) -> datetime:
        """The database's clock, the only one that captured_at can be compared with."""
        with self.transaction(read_only=True):
            return cast("datetime", self.one("database/now")[0])

    def identity(self) -> Identity:
        """Which database this is."""
        with self.transaction(read_only=True):
            *facts, backend = self.one("database/identity")
        return Identity(*facts, pooled=backend != self.connection.info.backend_pid)

    def require_audit_schema(self) -> None:
        """Check that the audit tables exist.

        Raises:
            SchemaMissing: naming the tables that are not there.
        """
        with self.transaction(read_only=True):
            missing = self.one("database/missing_tables", {"schema": self.settings.audit_schema})[0]
        if missing:
            raise SchemaMissing(
                f"schema {self.settings.audit_schema!r} has no {', '.join(missing)}",
                fix="run threadline-ops install, or correct database.audit_schema",
            )

    def require_writable(self) -> None:
        """Check that this is not a standby.

        Raises:
            UnsafeDatabase: it is one.
        """
        with self.transaction(read_only=True):
            if self.one("database/in_recovery")[0]:
                raise UnsafeDatabase(
                    "this server is a read-only replica",
                    fix="point THREADLINE_OPS_DSN at the primary",
                )


def statement(settings: DatabaseSettings, name: str, **identifiers: str) -> sql.Composed:
    """A statement from its file, with `{audit}` as the audited schema and `{operations}` as our own."""
    schemas = {"audit": settings.audit_schema, "operations": settings.operations_schema}
    return sql_files.statement(name, **(schemas | identifiers))


def local_settings(settings: DatabaseSettings, operation: str, statement_timeout_ms: int) -> dict[str, str]:
    """What every transaction is told first, as parameters of sql/database/local_settings.sql."""
    return {
        "application_name": application_name(operation),
        "lock_timeout": f"{settings.lock_timeout_ms}ms",
        "statement_timeout": f"{statement_timeout_ms}ms",
    }


def joining(snapshot: str) -> sql.Composed:
    """The statement that makes a transaction see what pg_export_snapshot() named."""
    return sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot))


def application_name(operation: str) -> str:
    """What pg_stat_activity shows for us: `threadline_ops/<operation>`, cut as the server would cut it."""
    return f"threadline_ops/{operation}".encode()[:_APPLICATION_NAME_BYTES].decode(errors="ignore")


@contextmanager
def opened(settings: Settings, operation: str, *, direct: bool = False) -> Generator[Database]:
    """A connection for the length of a `with`.

    Args:
        settings: where to connect and how transactions behave.
        operation: shown in pg_stat_activity.
        direct: prefer THREADLINE_OPS_DIRECT_DSN, which bypasses a pooler.

    Raises:
        SettingsError: there is no connection string.
        Unreachable: no connection could be made.
    """
    connection = connect(settings, direct=direct)
    try:
        yield Database(connection, settings.database, operation)
    finally:
        connection.close()


def destination(settings: Settings, *, direct: bool) -> tuple[str, dict[str, Any]]:
    """The connection string, a secret, and its parts as libpq spells them.

    Raises:
        SettingsError: there is none, or it cannot be read.
    """
    secret = (settings.direct_dsn if direct else None) or settings.dsn
    if secret is None:
        raise SettingsError(
            "no connection string is set",
            fix="set THREADLINE_OPS_DSN, such as postgresql://user@host:5432/database",
        )
    dsn = secret.get_secret_value()
    try:
        return dsn, conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise SettingsError(
            "the connection string cannot be parsed",
            fix="write THREADLINE_OPS_DSN as postgresql://user:password@host:5432/database, with special "
            "characters percent-encoded",
        ) from None


def connect(settings: Settings, *, direct: bool = False) -> Connection:
    """An autocommit connection that never prepares statements; see `opened` for its errors."""
    dsn, target = destination(settings, direct=direct)
    patience = int(target.get("connect_timeout") or settings.database.connect_timeout_s)
    try:
        return psycopg.connect(dsn, connect_timeout=patience, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise unreachable(error, target) from None
