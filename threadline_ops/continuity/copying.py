"""COPY TO STDOUT at the speed of libpq: psycopg's own iteration costs more a row than the server does."""

from __future__ import annotations

import selectors
from collections.abc import Generator
from contextlib import suppress

import psycopg
from psycopg import errors, sql
from psycopg.pq import ExecStatus

from threadline_ops.database import Connection


def copied(connection: Connection, statement: sql.Composed) -> Generator[bytes]:
    """The server's messages of a COPY, which are one row each, within the transaction at hand.

    Closing the iterator early cancels the COPY, which aborts the transaction.

    Raises:
        psycopg.Error: the server refused the statement or ended it.
    """
    server = connection.pgconn
    result = server.exec_(statement.as_bytes(connection))
    if result.status != ExecStatus.COPY_OUT:
        raise errors.error_from_result(result)
    get, finished = server.get_copy_data, False
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(server.socket, selectors.EVENT_READ)
            while True:
                size, data = get(1)
                if size > 0:
                    yield bytes(data)
                elif size < 0:
                    break
                else:
                    # Waiting within libpq would hold the interpreter's lock, and with it the thread that encodes.
                    selector.select()
                    server.consume_input()
        finished = True
    finally:
        if not finished:
            _drain(connection)
    outcome = server.get_result()
    while server.get_result() is not None:
        pass
    if outcome is None:
        raise psycopg.OperationalError("the connection was lost")
    if outcome.status != ExecStatus.COMMAND_OK:
        raise errors.error_from_result(outcome)


def _drain(connection: Connection) -> None:
    """Cancel, and read what is left, so that the connection can say ROLLBACK."""
    server = connection.pgconn
    with suppress(psycopg.Error):
        server.get_cancel().cancel()
        while server.get_copy_data(0)[0] > 0:
            pass
    while server.get_result() is not None:
        pass
