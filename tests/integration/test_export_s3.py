"""Exports to an S3 server, in health and in sickness."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from tests import s3
from tests.audit import bulk, settings_for
from tests.integration.test_export_parquet import stopped
from tests.s3 import CUT, SILENT, Server, healthy
from threadline_ops.errors import ExportError
from threadline_ops.export import ExportRequest, Filters, run_export, stores
from threadline_ops.export import plan as planning
from threadline_ops.settings import Settings

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with s3.running() as server:
        yield server


@pytest.fixture
def bucket(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with s3.bucket(running, monkeypatch) as name:
        yield name


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(planning, "SMALLEST_PART", 100)
    monkeypatch.setattr(planning, "LARGEST_PART", 100)
    monkeypatch.setattr(stores, "S3_TIMEOUT_S", 1)
    bulk(connection, transactions=100, per_transaction=3, days=30, now=datetime.now(UTC))
    return settings_for(audited, tmp_path / "evidence")


def rows(store: Server, prefix: str) -> int:
    system = fs.S3FileSystem(
        endpoint_override=store.endpoint.removeprefix("http://"), scheme="http", region="us-east-1"
    )
    return pq.read_table(f"exports/{prefix}", filesystem=system, columns=["id"], partitioning=None).num_rows


def test_a_whole_export_and_a_document(settings, running, bucket):
    report = run_export(settings, ExportRequest("s3://exports/may?region=us-east-1"))
    assert report.result.rows == 300
    assert running.names() == ["may/_manifest.json", *(f"may/part-0000{n}.parquet" for n in range(3))]
    with running.client() as client:
        manifest = json.loads(client.get_object(Bucket="exports", Key="may/_manifest.json")["Body"].read())
        assert manifest["rows"] == 300
        for file in manifest["files"]:
            assert client.head_object(Bucket="exports", Key=f"may/{file['name']}")["ContentLength"] == file["size"]
    run_export(settings, ExportRequest("s3://exports/all.ndjson?region=us-east-1", format="ndjson"))
    assert {"all.ndjson", "all.ndjson.manifest.json"} <= set(running.names())
    assert not [name for name in running.names() if ".partial" in name]


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
    running.fault = healthy
    assert not [name for name in running.names() if name.startswith("x/")]
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1", resume=True)).result.rows == 300
    assert not [name for name in running.names() if ".partial" in name]


def test_failing_at_publication_leaves_no_manifest_and_resumes(settings, running, bucket):
    running.fault = lambda method, path: 500 if method == "PUT" and path.endswith("/x/part-00001.parquet") else None
    with pytest.raises(ExportError, match="the store failed"):
        run_export(settings, ExportRequest("s3://exports/x?region=us-east-1"))
    running.fault = healthy
    assert "x/_manifest.json" not in running.names()
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1", resume=True)).result.rows == 300
    assert [name for name in running.names() if name.startswith("x/")] == [
        "x/_manifest.json",
        *(f"x/part-0000{n}.parquet" for n in range(3)),
    ]
    assert rows(running, "x/part-00000.parquet") > 0


def test_a_stopped_export_resumes(settings, running, bucket):
    stopped(settings, "s3://exports/x?region=us-east-1", 1)
    assert not [name for name in running.names() if name.startswith("x/")]
    assert run_export(settings, ExportRequest("s3://exports/x?region=us-east-1", resume=True)).result.rows == 300


def test_no_such_bucket(settings, running, bucket):
    with pytest.raises(ExportError, match="the store failed"):
        run_export(settings, ExportRequest("s3://absent/x?region=us-east-1", filters=Filters(table="flights")))
