"""The application's two ways to write while the demo probes it: a request and a job, each one audited transaction.

`python -m threadline_ops.demo.desk CORRELATION_ID` is the job; it finds the database in DEMO_DSN.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from psycopg.types.json import Jsonb
from pydantic import SecretStr

from threadline_ops.database import opened
from threadline_ops.demo.schema import SCHEMA
from threadline_ops.settings import Settings

#: Where the job finds the application's database.
DSN_VARIABLE = "DEMO_DSN"
CLERK = {"type": "user", "id": "clerk-7"}
JOB = {"type": "job", "id": "standby-desk"}


def book(dsn: str, actor: dict[str, str], correlation_id: str, *, job_id: str | None = None) -> None:
    """Book a seat as the application does: actor first, then the write, then the action that says why.

    Args:
        dsn: of the demo's database.
        actor: who books.
        correlation_id: ties the action to whoever asked for it.
        job_id: of a background job.

    Raises:
        DatabaseError: the server refused; nothing was booked.
    """
    with opened(Settings(dsn=SecretStr(dsn)), "demo_desk") as database, database.transaction() as connection:
        parameters = {"actor": json.dumps(actor)}
        connection.execute(database.statement("demo/begin_transaction"), parameters)
        row = {
            "locator": f"PROBE-{uuid.uuid4().hex[:10]}",
            "flight_id": str(database.one("demo/any_flight", app=SCHEMA)[0]),
            "passengers": 1,
            "email": "probe@example.com",
            "contact": {"phone": {"home": "+1 555 0100"}},
            "payment_token": "tok_probe",
        }
        connection.execute(database.statement("demo/book", app=SCHEMA), {"rows": Jsonb([row])})
        said = {"name": "booking.made", "correlation_id": correlation_id, "job_id": job_id, "reason": "a probe"}
        connection.execute(database.statement("demo/link_action"), parameters | said)


@contextmanager
def serving(dsn: str) -> Generator[str]:
    """The address that takes bookings, on this machine alone, for the length of a `with`."""

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            book(dsn, CLERK, self.headers["X-Correlation-ID"])
            self.send_response(HTTPStatus.CREATED)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing: the demo's own lines are enough."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/bookings"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    book(os.environ[DSN_VARIABLE], JOB, sys.argv[1], job_id="standby-1")
