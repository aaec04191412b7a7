"""moto's S3 over HTTP, with faults in front of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

#: (method, path) -> the status to answer with, or None to let the request through.
Fault = Callable[[str, str], int | None]
#: Instead of a status: the connection is cut in the middle of the upload, or nothing is answered at all.
CUT, SILENT = 0, 1
BUCKET = "exports"
#: What a URI needs beyond the bucket and the path.
REGION = "?region=us-east-1"


def healthy(_method: str, _path: str) -> None:
    """Let every request through."""


class Server:
    """A server of its own; `fault` may be set at any time."""

    def __init__(self) -> None:
        self.fault: Fault = healthy
        self.failed = 0
        self.silence = threading.Event()
        inner = DomainDispatcherApplication(create_backend_app)

        def front(environ, start_response):
            status = self.fault(environ["REQUEST_METHOD"], environ["PATH_INFO"])
            if status is None:
                return inner(environ, start_response)
            self.failed += 1
            if status in (CUT, SILENT):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) // 2)
                self.silence.wait(None if status == SILENT else 0)
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                start_response("500 Cut", [])
                return [b""]
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(f"{status} {HTTPStatus(status).phrase}", [("Content-Length", "0")])
            return [b""]

        self.server = make_server("127.0.0.1", 0, front, threaded=True)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def client(self) -> Iterator:
        """A client of the server, as an administrator has one."""
        client = boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1")
        try:
            yield client
        finally:
            client.close()

    def names(self) -> list[str]:
        """Every object in the bucket that is no folder."""
        with self.client() as client:
            found = [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        return sorted(name for name in found if not name.endswith("/"))


@contextmanager
def running() -> Iterator[Server]:
    """A server in a thread of this process."""
    store = Server()
    thread = threading.Thread(target=store.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield store
    finally:
        store.silence.set()
        store.server.shutdown()
        thread.join()
        store.server.server_close()


@contextmanager
def bucket(store: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket, and the environment in which it is reached."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with store.client() as client:
        client.create_bucket(Bucket=BUCKET)
        yield BUCKET
        store.fault = healthy
        for item in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            client.delete_object(Bucket=BUCKET, Key=item["Key"])
        client.delete_bucket(Bucket=BUCKET)
