"""Answers of the server as Arrow: its binary COPY, decoded in C by Apache Arrow's own driver."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import adbc_driver_manager as adbc
import adbc_driver_postgresql as driver
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from psycopg.conninfo import make_conninfo

from threadline_ops.arrays import empty
from threadline_ops.database import destination, joining, local_settings, statement
from threadline_ops.errors import DatabaseError, Unreachable
from threadline_ops.sections import DatabaseSettings
from threadline_ops.server_errors import refusal, unreachable
from threadline_ops.settings import Settings

#: Bytes of Arrow memory in one batch of a result that is read bit by bit; a row is never divided.
BATCH_BYTES = 16 << 20
#: PostgreSQL's first moment, 4714-11-24 BC, in microseconds since 1970. What it calls infinite, and what 64 bits cannot
#: count from 1970 on, comes out as earlier.
_EARLIEST = -210_866_803_200_000_000
#: How the driver's libpq, which is not psycopg's, says that it lacks something.
_UNKNOWN = ("invalid connection option", "not compiled in", "GSSAPI")
#: A value's place in a statement, or a percent sign, as psycopg writes them.
_VALUE = re.compile(r"%\((\w+)\)s|%%")


@dataclass(frozen=True)
class Columnar:
    """A connection whose results are Arrow; used by one thread at a time.

    Attributes:
        connection: the driver's.
        settings: where the schemas are.
        operation: shown in pg_stat_activity.
    """

    connection: adbc.AdbcConnection
    settings: DatabaseSettings
    operation: str

    @contextmanager
    def transaction(self, snapshot: str | None = None) -> Generator[None]:
        """A read-only transaction with one view of the data, and no limit to how long it reads.

        Args:
            snapshot: see what pg_export_snapshot() named, in a transaction that is still open.

        Raises:
            DatabaseError: the server refused; the text is ours, so it holds no row's value.
        """
        self._run("start transaction isolation level repeatable read, read only")
        try:
            if snapshot:
                # Before anything else: a transaction that has read already has a snapshot of its own.
                self._run(joining(snapshot).as_string(None))
            self.one("database/local_settings", local_settings(self.settings, self.operation, 0))
            yield
        finally:
            # What ended it may have ended the connection, and is worth more than what follows from that.
            with suppress(DatabaseError):
                self._run("rollback")

    def tables(self, name: str, parameters: Mapping[str, Any], schema: pa.Schema) -> Generator[pa.Table]:
        """The rows of a statement as `schema` has its columns, about BATCH_BYTES at a time; each column is one array.

        Raises:
            DatabaseError: the server refused, or was lost.
        """
        with self._reading(self._text(name, parameters)) as (reader, running):
            try:
                while (batch := _next(reader)) is not None:
                    yield _table(batch.columns, schema)
            except GeneratorExit:
                running.cancel()  # otherwise closing waits for all that the server still has to send
                raise

    def table(self, name: str, parameters: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
        """All rows of a statement whose result is small."""
        found = self._all(name, parameters)
        return _table(found.columns, schema) if found.num_rows else empty(schema)

    def page(self, name: str, parameters: Mapping[str, Any], schema: pa.Schema) -> pa.Table | None:
        """All rows of a statement; None when they are more than BATCH_BYTES, and the transaction is as it was."""
        self._run("savepoint page")
        with self._reading(self._text(name, parameters)) as (reader, running):
            found = _next(reader)
            if found is None:
                return empty(schema)
            if _next(reader) is None:
                return _table(found.columns, schema)
            running.cancel()
        self._run("rollback to savepoint page")
        return None

    def one(self, name: str, parameters: Mapping[str, Any], **identifiers: str) -> dict[str, Any]:
        """The single row of a statement."""
        return self._all(name, parameters, **identifiers).to_pylist()[0]

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _all(self, name: str, parameters: Mapping[str, Any], **identifiers: str) -> pa.Table:
        with self._reading(self._text(name, parameters, **identifiers)) as (reader, _), _translated():
            return reader.read_all()

    def _run(self, text: str) -> None:
        with _translated(), adbc.AdbcStatement(self.connection) as running:
            running.set_sql_query(text)
            running.execute_update()

    @contextmanager
    def _reading(self, text: str) -> Generator[tuple[pa.RecordBatchReader, adbc.AdbcStatement]]:
        with adbc.AdbcStatement(self.connection) as running:
            running.set_options(**{driver.StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)})
            running.set_sql_query(text)
            with _translated():
                handle, _ = running.execute_query()
                reader = pa.RecordBatchReader.from_stream(handle)
            with reader:
                yield reader, running

    def _text(self, name: str, parameters: Mapping[str, Any], **identifiers: str) -> str:
        """The statement with its values in it, because the driver's fast way takes whole texts only."""
        composed = statement(self.settings, name, **identifiers).as_string(None)
        return _VALUE.sub(
            lambda found: sql.Literal(parameters[found[1]]).as_string(None) if found[1] else "%", composed
        )


def connect(settings: Settings, operation: str, *, direct: bool) -> Columnar:
    """One more connection; see `threadline_ops.database.opened` for arguments and errors."""
    dsn, target = destination(settings, direct=direct)
    patience = int(target.get("connect_timeout") or settings.database.connect_timeout_s)
    try:
        connected = adbc.AdbcConnection(
            driver.connect(make_conninfo(dsn, connect_timeout=patience, client_encoding="UTF8"))
        )
    except adbc.Error as error:
        if any(sign in str(error) for sign in _UNKNOWN):
            raise Unreachable(
                "the connection string asks for what Arrow's driver, by which exports and the archive read, lacks",
                fix="set THREADLINE_OPS_DIRECT_DSN to one without Kerberos and without options that libpq 16 has not",
            ) from None
        raise unreachable(error, target) from None
    return Columnar(connected, settings.database, operation)


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    with _translated():
        try:
            return reader.read_next_batch()
        except StopIteration:
            return None


def _table(columns: Iterable[Any], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_arrays(
        [_typed(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def _typed(column: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """The same values by the type that is wanted: for UUIDs and JSON, releases of the driver have different ones."""
    whole = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_timestamp(whole.type):
        _require_representable(whole)
    storage = whole.storage if isinstance(whole, pa.ExtensionArray) else whole
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, storage.cast(kind.storage_type))
    return storage.cast(kind)


def _require_representable(times: pa.TimestampArray) -> None:
    earliest = pc.min(times.view(pa.int64())).as_py()
    if earliest is not None and earliest < _EARLIEST:
        raise DatabaseError(
            "a time is infinite, or later than Arrow and Parquet can hold",
            fix="leave its changes out by --from and --to, or export them as CSV, JSON or NDJSON",
        )


@contextmanager
def _translated() -> Generator[None]:
    """Turn the driver's errors into ours; what it says quotes statements, and so filters and rows."""
    try:
        yield
    except adbc.Error as error:
        message = next((text for key, text in error.details or () if key == "PG_DIAG_MESSAGE_PRIMARY"), b"")
        raise refusal(error.sqlstate or "", message=message.decode(errors="replace")) from None
    except (OSError, pa.ArrowException) as error:
        # In the middle of a result the driver passes no code on.
        raise _cut_off(str(error)) from None


def _cut_off(text: str) -> DatabaseError:
    if "canceling statement" in text:
        return refusal("57014")
    if "terminating connection" in text or "server closed" in text:
        return refusal("")
    return DatabaseError(
        "the server ended a statement in the middle of its result",
        fix="look into the server's log, then run again; finished steps are kept",
    )
