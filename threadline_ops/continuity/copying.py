"""COPY TO STDOUT at the speed of libpq: psycopg's own iteration costs more a row than the server does."""

from __future__ import annotations

import selectors
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg import errors, sql
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn

from threadline_ops.database import Connection

#: Rows are handed on in blocks of about this much. Adding to one buffer costs half of keeping an object a row.
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Block:
    """Some of a COPY's rows.

    Attributes:
        content: as sent.
        rows: how many; the header and the end of a binary COPY count as well.
        last: the last of them.
    """

    content: bytearray
    rows: int
    last: bytes


def copied(connection: Connection, statement: sql.Composed) -> Generator[Block]:
    """What a COPY sends, in whole rows, within the transaction at hand.

    Closing the iterator early cancels the COPY, which aborts the transaction.

    Raises:
        psycopg.Error: the server refused the statement or ended it.
    """
    server = connection.pgconn
    result = server.exec_(statement.as_bytes(connection))
    if result.status != ExecStatus.COPY_OUT:
        raise errors.error_from_result(result)
    finished = False
    try:
        yield from _blocks(server)
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


def _blocks(server: PGconn) -> Generator[Block]:
    get, most = server.get_copy_data, BLOCK_BYTES
    content, rows, last = bytearray(), 0, memoryview(b"")
    with selectors.DefaultSelector() as selector:
        selector.register(server.socket, selectors.EVENT_READ)
        while True:
            size, data = get(1)
            if size > 0:
                content += data
                rows, last = rows + 1, data
                if len(content) >= most:
                    yield Block(content, rows, bytes(last))
                    content, rows = bytearray(), 0
            elif size < 0:
                break
            else:
                # Waiting within libpq would hold the interpreter's lock, and with it the thread that encodes.
                selector.select()
                server.consume_input()
    if rows:
        yield Block(content, rows, bytes(last))


def _drain(connection: Connection) -> None:
    """Cancel, and read what is left, so that the connection can say ROLLBACK."""
    server = connection.pgconn
    with suppress(psycopg.Error):
        server.get_cancel().cancel()
        while server.get_copy_data(0)[0] > 0:
            pass
    while server.get_result() is not None:
        pass
