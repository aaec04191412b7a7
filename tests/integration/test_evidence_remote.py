"""Evidence in an object store: several machines add to one chain, and what is done to the objects shows."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests import s3
from tests.evidence_store import offline_settings
from threadline_ops.backlog import load
from threadline_ops.errors import EvidenceError
from threadline_ops.evidence import Head, recording, records, store_of, verify
from threadline_ops.evidence.remote import Remote
from threadline_ops.export import stores
from threadline_ops.settings import Settings

URI = "s3://exports/evidence?region=us-east-1"


@pytest.fixture(scope="module")
def server() -> Iterator[s3.Server]:
    with s3.running() as started:
        yield started


@pytest.fixture(autouse=True)
def bucket(server: s3.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(stores, "S3_TIMEOUT_S", 2)
    monkeypatch.setattr(stores, "S3_ATTEMPTS", 1)
    with s3.bucket(server, monkeypatch) as name:
        yield name


def machine(tmp_path: Path, name: str) -> Settings:
    return offline_settings(tmp_path / name, remote=URI)


def run(settings: Settings, run_id: str, line: str = "worked") -> Head:
    with recording(settings, "test", run_id=run_id, mode="check", command="true") as active:
        active.log(line)
        active.support("retention.config_validated", detail=f"by {run_id}")
    assert active.head is not None
    return active.head


def put(server: s3.Server, name: str, content: bytes | None) -> None:
    with server.client() as client:
        if content is None:
            client.delete_object(Bucket=s3.BUCKET, Key=f"evidence/{name}")
        else:
            client.put_object(Bucket=s3.BUCKET, Key=f"evidence/{name}", Body=content)


def test_machines_add_to_one_chain(tmp_path: Path, server: s3.Server):
    one, two = machine(tmp_path, "one"), machine(tmp_path, "two")
    heads = [run(one, "a"), run(two, "b"), run(one, "c")]
    assert [head.sequence for head in heads] == [1, 2, 3]
    assert server.names() == [
        *(f"evidence/{name}.{ending}" for name in "abc" for ending in ("json", "log.gz")),
        *(f"evidence/chain/{place:010d}.json" for place in (1, 2, 3)),
    ]
    fresh = machine(tmp_path, "fresh")
    assert [record.run_id for record in records(store_of(fresh))] == ["a", "b", "c"]
    found = verify(fresh)
    assert (found.records, found.problems) == (3, ())
    assert any("9 objects of s3://exports/evidence were read again" in note for note in found.notes)
    row = next(row for row in load(fresh, datetime.now(UTC)).rows if row.row.key == "retention.config_validated")
    assert row.note == "by c"


def test_a_machine_that_is_gone_takes_nothing_along(tmp_path: Path):
    lost = machine(tmp_path, "lost")
    run(lost, "a")
    shutil.rmtree(lost.evidence.directory)
    assert run(lost, "b").sequence == 2
    assert verify(lost).problems == ()


def test_whoever_finds_a_place_taken_takes_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Between one machine's look at the chain and its own record, another one adds its own."""
    one, two = machine(tmp_path, "one"), machine(tmp_path, "two")
    honest = Remote.create
    first = iter([True])

    def create(self: Remote, name: str, content: bytes) -> bool:
        if name.startswith("chain/") and next(first, False):
            run(two, "quicker")
        return honest(self, name, content)

    monkeypatch.setattr(Remote, "create", create)
    assert run(one, "slower").sequence == 2
    assert verify(one).problems == verify(two).problems == ()


def test_nothing_is_ever_replaced(tmp_path: Path):
    run(machine(tmp_path, "one"), "a")
    remote = Remote(URI)
    assert remote.create("chain/0000000001.json", b"another") is False
    with pytest.raises(EvidenceError, match="this run has evidence already"):
        run(machine(tmp_path, "two"), "a")
    assert verify(machine(tmp_path, "one")).problems == ()


@pytest.mark.parametrize("name", ["a.json", "a.log.gz", "chain/0000000001.json"])
@pytest.mark.parametrize("content", [None, b"{}"])
def test_what_is_done_to_an_object_shows(tmp_path: Path, server: s3.Server, name: str, content: bytes | None):
    settings = machine(tmp_path, "one")
    run(settings, "a")
    run(settings, "b")
    put(server, name, content)
    assert [(problem.kind, problem.place) for problem in verify(settings).problems] == [("remote", name)]


def test_an_object_that_nobody_recorded_shows(tmp_path: Path, server: s3.Server):
    settings = machine(tmp_path, "one")
    run(settings, "a")
    put(server, "b.json", b"{}")
    assert [problem.place for problem in verify(settings).problems] == ["b.json"]


def test_a_record_that_leads_out_of_the_store_is_not_followed(tmp_path: Path, server: s3.Server):
    evil = {"run_id": "../outside", "log": {"file": "../outside.log.gz"}}
    put(server, "chain/0000000001.json", json.dumps(evil).encode())
    settings = machine(tmp_path, "one")
    assert not verify(settings).intact
    assert not list(tmp_path.glob("outside*"))


def test_a_store_that_does_not_answer_stops_a_run_before_it_begins(tmp_path: Path, server: s3.Server):
    settings = machine(tmp_path, "one")
    run(settings, "a")
    server.fault = lambda _method, _path: 503
    worked: list[str] = []
    with (
        pytest.raises(EvidenceError, match="object store failed"),
        recording(settings, "test", run_id="b", mode="check", command="true"),
    ):
        worked.append("b")
    assert worked == []


@pytest.mark.parametrize("part", ["log.gz", "chain"])
def test_a_store_that_fails_at_the_end_gets_the_record_from_the_next_run(tmp_path: Path, server: s3.Server, part: str):
    settings = machine(tmp_path, "one")
    with (
        pytest.raises(EvidenceError, match="object store failed"),
        recording(settings, "test", run_id="a", mode="check", command="true") as active,
    ):
        active.log("worked")
        server.fault = lambda method, path: 503 if method == "PUT" and part in path else None
    server.fault = lambda _method, _path: None
    run(settings, "b")
    assert [(record.run_id, record.outcome) for record in records(store_of(settings))] == [
        ("a", "killed"), ("b", "complete"),
    ]  # fmt: skip
    assert verify(settings).problems == ()
