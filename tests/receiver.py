"""An HTTP receiver on loopback that keeps what it was sent, and refuses when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """What came in: the JSON bodies, in order."""

    port: int
    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def titles(self) -> list[str]:
        """The titles since the last call."""
        titles = [notice["title"] for notice in self.got]
        self.got.clear()
        return titles


@contextmanager
def receiver() -> Iterator[Receiver]:
    kept = Receiver(0)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if kept.status == 200:
                kept.got.append(json.loads(content))
            self.send_response(kept.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
