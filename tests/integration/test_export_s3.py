"""Exports to an S3 server, in health and in sickness."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import boto3
import psycopg
import pyarrow.parquet as pq
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from pyarrow import fs
from werkzeug.serving import make_server

from tests.audit import bulk, settings_for
from tests.integration.test_export_parquet import stopped
from threadline_ops.errors import ExportError
from threadline_ops.export import ExportRequest, Filters, run_export, stores
from threadline_ops.export import plan as planning
from threadline_ops.settings import Settings

pytestmark = pytest.mark.thorough

#: (method, path) -> the status to answer with, or None to let the request through.
Fault = Callable[[str, str], int | None]
#: Instead of a status: the connection is cut in the middle of the upload, or nothing is answered at all.
CUT, SILENT = 0, 1


class Store:
    """moto's S3 over HTTP, with faults in front of it."""

    def __init__(self) -> None:
        self.fault: Fault = lambda _method, _path: None
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


@pytest.fixture(scope="module")
def running() -> Iterator[Store]:
    store = Store()
    thread = threading.Thread(target=store.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield store
    store.silence.set()
    store.server.shutdown()
    thread.join()
    store.server.server_close()


@pytest.fixture
def bucket(running: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client("s3", endpoint_url=running.endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="exports")
    yield "exports"
    running.fault = lambda _method, _path: None
    for item in client.list_objects_v2(Bucket="exports").get("Contents", []):
        client.delete_object(Bucket="exports", Key=item["Key"])
    client.delete_bucket(Bucket="exports")
    client.close()


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(planning, "SMALLEST_PART", 100)
    monkeypatch.setattr(planning, "LARGEST_PART", 100)
    monkeypatch.setattr(stores, "S3_TIMEOUT_S", 1)
    bulk(connection, transactions=100, per_transaction=3, days=30, now=datetime.now(UTC))
    return settings_for(audited, tmp_path / "evidence")


def names(store: Store) -> list[str]:
    client = boto3.client("s3", endpoint_url=store.endpoint, region_name="us-east-1")
    found = [item["Key"] for item in client.list_objects_v2(Bucket="exports").get("Contents", [])]
    client.close()
    return sorted(name for name in found if not name.endswith("/"))


def rows(store: Store, prefix: str) -> int:
    system = fs.S3FileSystem(
        endpoint_override=store.endpoint.removeprefix("http://"), scheme="http", region="us-east-1"
    )
    return pq.read_table(f"exports/{prefix}", filesystem=system, columns=["id"], partitioning=None).num_rows


def test_a_whole_export_and_a_document(settings, running, bucket):
    report = run_export(settings, ExportRequest("s3://exports/may?region=us-east-1"))
    assert report.result.rows == 300
    assert names(running) == ["may/_manifest.json", *(f"may/part-0000{n}.parquet" for n in range(3))]
    client = boto3.client("s3", endpoint_url=running.endpoint, region_name="us-east-1")
    manifest = json.loads(client.get_object(Bucket="exports", Key="may/_manifest.json")["Body"].read())
    assert manifest["rows"] == 300
    for file in manifest["files"]:
        assert client.head_object(Bucket="exports", Key=f"may/{file['name']}")["ContentLength"] == file["size"]
    client.close()
    run_export(settings, ExportRequest("s3://exports/all.ndjson?region=us-east-1", format="ndjson"))
    assert {"all.ndjson", "all.ndjson.manifest.json"} <= set(names(running))
    assert not [name for name in names(running) if ".partial" in name]


def test_passing_faults_are_retried(settings, running, bucket):
    seen: set[str] = set()

    def once(method: str, path: str) -> int | None:
        if method == "PUT" and path not in seen:
            seen.add(path)
            return 500
        return None

    running.fault, running.failed = once, 0
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1")).result.rows == 300
    assert running.failed >= 4, "every object failed once"


@pytest.mark.parametrize("status", [500, 503, 403, CUT, SILENT])
def test_lasting_faults_are_a_clear_error_and_publish_nothing(settings, running, bucket, status):
    running.fault = lambda method, path: status if method in ("PUT", "POST") and "part-00001.parquet" in path else None
    with pytest.raises(ExportError, match="the store failed"):
        run_export(settings, ExportRequest("s3://exports/x?region=us-east-1"))
    running.fault = lambda _method, _path: None
    assert not [name for name in names(running) if name.startswith("x/")]
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1", resume=True)).result.rows == 300
    assert not [name for name in names(running) if ".partial" in name]


def test_failing_at_publication_leaves_no_manifest_and_resumes(settings, running, bucket):
    running.fault = lambda method, path: 500 if method == "PUT" and path.endswith("/x/part-00001.parquet") else None
    with pytest.raises(ExportError, match="the store failed"):
        run_export(settings, ExportRequest("s3://exports/x?region=us-east-1"))
    running.fault = lambda _method, _path: None
    assert "x/_manifest.json" not in names(running)
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1", resume=True)).result.rows == 300
    assert [name for name in names(running) if name.startswith("x/")] == [
        "x/_manifest.json",
        *(f"x/part-0000{n}.parquet" for n in range(3)),
    ]
    assert rows(running, "x/part-00000.parquet") > 0


def test_a_stopped_export_resumes(settings, running, bucket):
    stopped(settings, "s3://exports/x?region=us-east-1", 1)
    assert not [name for name in names(running) if name.startswith("x/")]
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1", resume=True)).result.rows == 300


def test_no_such_bucket(settings, running, bucket):
    with pytest.raises(ExportError, match="the store failed"):
        run_export(settings, ExportRequest("s3://absent/x?region=us-east-1", filters=Filters(table="flights")))
