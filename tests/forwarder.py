"""A TCP forwarder before PostgreSQL: transparent, or making up cancel keys as poolers of every kind do."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo


@contextmanager
def forwarding(direct: str, *, honest: bool = False) -> Iterator[str]:
    """The DSN of the same database through the forwarder."""
    target = conninfo_to_dict(direct)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        address = (str(target["host"]), int(target["port"]))
        threading.Thread(target=_accept, args=(listener, address, honest), daemon=True).start()
        yield make_conninfo(direct, host="127.0.0.1", port=port, sslmode="disable", gssencmode="disable")


def _accept(listener: socket.socket, address: tuple[str, int], honest: bool) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(address)
            threading.Thread(target=_copy, args=(client, server), daemon=True).start()
            threading.Thread(target=_copy if honest else _forge, args=(server, client), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    _close(source, sink)


def _forge(source: socket.socket, sink: socket.socket) -> None:
    """Messages one by one until BackendKeyData, whose pid is changed; then as they come."""
    with suppress(OSError, struct.error):
        while True:
            head = _exactly(source, 5)
            kind, length = struct.unpack("!cI", head)
            body = _exactly(source, length - 4)
            if kind == b"K":
                (pid,) = struct.unpack("!I", body[:4])
                sink.sendall(head + struct.pack("!I", pid ^ 0x5A5A) + body[4:])
                break
            sink.sendall(head + body)
    _copy(source, sink)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError
        data += part
    return data


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.close()
