"""A run leaves exactly one chained record, whatever becomes of it and of its neighbours."""

import gzip
import json
import logging
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.audit import settings_for
from tests.evidence_store import START, offline_settings
from threadline_ops import evidence
from threadline_ops.database import opened
from threadline_ops.declared import EnvironmentSettings, WritePath
from threadline_ops.errors import EvidenceError, PolicyError
from threadline_ops.evidence import Store, verify
from threadline_ops.evidence.reconcile import finish_killed, has_evidence, record_absent
from threadline_ops.sections import EvidenceSettings
from threadline_ops.settings import Settings

ROOT = Path(__file__).parents[2]


def run(settings: Settings, run_id: str, *, fail: Exception | None = None, identify: bool = False) -> None:
    with evidence.recording(settings, "test", run_id=run_id, mode="execute", command="true") as recording:
        recording.log("at work")
        if identify:
            with opened(settings, "test") as database:
                recording.identity = database.identity()
        if fail:
            raise fail


def record(settings: Settings, run_id: str) -> dict:
    return json.loads(Store(settings.evidence.directory).record_path(run_id).read_text())


def anchored_places(connection: psycopg.Connection) -> list[int]:
    return [row[0] for row in connection.execute("select sequence from threadline_ops.evidence_anchors order by 1")]


def test_records_follow_one_another(tmp_path: Path):
    settings = offline_settings(tmp_path / "evidence")
    for name in ("a", "b", "c"):
        run(settings, name)
    assert [record(settings, name)["sequence"] for name in ("a", "b", "c")] == [1, 2, 3]
    found = verify(settings)
    assert (found.records, found.problems) == (3, ())


def test_a_run_has_one_record(tmp_path: Path):
    settings = offline_settings(tmp_path / "evidence")
    run(settings, "a")
    with pytest.raises(EvidenceError, match="has evidence already"):
        run(settings, "a")
    assert verify(settings).records == 1


def _many(directory: Path, worker: int) -> int:
    settings = offline_settings(directory)
    for number in range(25):
        run(settings, f"worker-{worker}-{number}")
    return os.getpid()


def test_runs_that_end_at_once_all_chain(tmp_path: Path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        workers = [pool.submit(_many, tmp_path / "evidence", worker) for worker in range(4)]
        assert len({worker.result(timeout=60) for worker in workers}) > 1
    found = verify(offline_settings(tmp_path / "evidence"))
    assert (found.records, found.problems, found.notes) == (100, (), ())


_KILLED = """
import sys
from pathlib import Path
from tests.evidence_store import START, offline_settings
from threadline_ops import evidence
with evidence.recording(
    offline_settings(Path(sys.argv[1])), "test", run_id="killed", mode="execute", command="threadline-ops test"
) as recording:
    recording.log("half of it is done")
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def killed(tmp_path: Path) -> Settings:
    """The store in which a process was killed in the middle of its run."""
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "evidence")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        store, settings = Store(tmp_path / "evidence"), offline_settings(tmp_path / "evidence")
        assert finish_killed(store, settings) == [], "a live run is left alone"
        assert has_evidence(store, "killed"), "and will have its own record"
        child.send_signal(signal.SIGKILL)
    assert store.partial_path("killed").exists()
    assert not store.record_path("killed").exists()
    return settings


def test_a_killed_run_is_recorded_by_the_next_one(killed: Settings):
    run(killed, "next")
    found = record(killed, "killed")
    assert (found["status"], found["outcome"], found["mode"]) == ("Issue", "killed", "execute")
    assert found["command"] == "threadline-ops test"
    assert found["sequence"] == 1
    store = Store(killed.evidence.directory)
    text = gzip.decompress(store.log_path("killed").read_bytes()).decode()
    assert "half of it is done" in text
    assert "killed: its process ended without a word" in text
    assert list(store.running.iterdir()) == []
    assert (verify(killed).records, verify(killed).problems) == (2, ())


def test_a_killed_run_is_recorded_once(killed: Settings):
    store = Store(killed.evidence.directory)
    assert finish_killed(store, killed) == ["killed"]
    assert finish_killed(store, killed) == []


def crash(monkeypatch: pytest.MonkeyPatch, settings: Settings, step: str, run_id: str) -> None:
    """Die at a step of the store, as a power cut would: no clean-up follows."""

    class PowerCut(BaseException):
        pass

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(step, cut)
        with pytest.raises(PowerCut):
            run(settings, run_id)


@pytest.mark.parametrize(
    "step",
    [
        "threadline_ops.evidence.store.Store.put",  # log stored, no record
        "threadline_ops.evidence.store.sync_directory",  # record stored under both names, HEAD behind
        "threadline_ops.evidence.store.Store.clear",  # all stored, live log left
    ],
)
def test_a_crash_between_any_two_steps_mends_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str):
    settings = offline_settings(tmp_path / "evidence")
    run(settings, "before")
    crash(monkeypatch, settings, step, "crashed")
    verify(settings)
    run(settings, "after")
    found = verify(settings)
    assert (found.records, found.problems, found.notes) == (3, (), ())
    assert record(settings, "crashed")["sequence"] == 2
    run(settings, "later")
    assert list(Store(settings.evidence.directory).running.iterdir()) == []


def test_a_record_that_lost_its_second_name_in_a_crash_gets_it_back(tmp_path: Path):
    settings = offline_settings(tmp_path / "evidence")
    run(settings, "a")
    noted = (settings.evidence.directory / "HEAD").read_bytes()
    run(settings, "b")
    store = Store(settings.evidence.directory)
    store.record_path("b").unlink()
    (store.directory / "HEAD").unlink()
    (store.directory / "HEAD").write_bytes(noted)
    run(settings, "c")
    assert record(settings, "b")["sequence"] == 2
    assert verify(settings).intact


def test_a_run_that_others_saw_gets_one_record(tmp_path: Path):
    settings = offline_settings(tmp_path / "evidence")
    seen = {
        "run_id": "queued", "operation": "retention_purge", "mode": "unknown", "command": "", "started": None,
        "ended": START, "outcome": "canceled", "line": "canceled before it began",
    }  # fmt: skip
    assert record_absent(settings, **seen) is True
    assert record_absent(settings, **seen) is False
    run(settings, "steps.first")
    assert record_absent(settings, **(seen | {"run_id": "steps"})) is False
    assert verify(settings).records == 2


def test_every_run_is_anchored(audited: str, connection: psycopg.Connection, tmp_path: Path):
    settings = settings_for(audited, tmp_path / "evidence")
    run(settings, "a", identify=True)
    with pytest.raises(PolicyError):
        run(settings, "b", fail=PolicyError("no", fix="yes"), identify=True)
    run(settings, "c", fail=None, identify=False)
    assert anchored_places(connection) == [1, 2], "a run that did not reach the database is anchored by the next"
    run(settings, "d", identify=True)
    assert anchored_places(connection) == [1, 2, 4]
    found = verify(settings)
    assert (found.problems, found.anchored, found.anchored_through) == ((), "verified", 4)


@pytest.fixture
def guest(audited: str, connection: psycopg.Connection, server) -> str:
    """The DSN of a role that may read the audit tables and nothing else."""
    connection.execute("drop role if exists guest_of_evidence")
    connection.execute("create role guest_of_evidence login password 'guest-password'")
    connection.execute("grant pg_read_all_data to guest_of_evidence")
    yield make_conninfo(audited, user="guest_of_evidence", password="guest-password")
    connection.execute("drop owned by guest_of_evidence cascade")
    connection.execute("drop role guest_of_evidence")


def test_a_role_that_may_not_make_the_schema_is_told_loudly(guest: str, tmp_path: Path, caplog):
    settings = settings_for(guest, tmp_path / "evidence")
    with caplog.at_level(logging.WARNING):
        run(settings, "a", identify=True)
    assert "evidence is not anchored: the role may not create schema 'threadline_ops'" in caplog.text
    assert record(settings, "a")["status"] == "OK"
    assert verify(settings).anchored == "not checked: the database has no anchors"


def test_a_required_anchor_fails_the_run_and_the_verification(guest: str, tmp_path: Path):
    settings = settings_for(guest, tmp_path / "evidence").model_copy(
        update={"evidence": EvidenceSettings(directory=tmp_path / "evidence", anchor="required")}
    )
    with pytest.raises(EvidenceError, match="not anchored"):
        run(settings, "a", identify=True)
    assert record(settings, "a")["status"] == "OK", "what was done is done, and recorded"
    assert [problem.kind for problem in verify(settings).problems] == ["anchor"]


def test_a_role_that_may_only_insert_can_anchor(guest: str, audited: str, connection, tmp_path: Path):
    run(settings_for(audited, tmp_path / "evidence"), "owner", identify=True)
    connection.execute("grant usage on schema threadline_ops to guest_of_evidence")
    connection.execute("grant insert on threadline_ops.evidence_anchors to guest_of_evidence")
    run(settings_for(guest, tmp_path / "evidence"), "guest", identify=True)
    assert anchored_places(connection) == [1, 2]


def test_two_stores_of_one_name_are_told_apart(audited: str, tmp_path: Path, caplog):
    run(settings_for(audited, tmp_path / "one"), "a", identify=True)
    with caplog.at_level(logging.WARNING):
        run(settings_for(audited, tmp_path / "two"), "b", identify=True)
    assert "the database knows another record 1 of store 'test'" in caplog.text


def test_off_leaves_the_database_alone(audited: str, connection: psycopg.Connection, tmp_path: Path):
    settings = settings_for(audited, tmp_path / "evidence").model_copy(
        update={"evidence": EvidenceSettings(directory=tmp_path / "evidence", anchor="off")}
    )
    run(settings, "a", identify=True)
    assert connection.execute("select to_regnamespace('threadline_ops')").fetchone() == (None,)
    assert "off" in verify(settings).anchored


HONEY = "honeytoken-7f3a"


@pytest.mark.parametrize("secret", [f"pw-{HONEY}", f"p@w:{HONEY}/?x"])
def test_no_secret_reaches_the_store(audited: str, tmp_path: Path, secret: str, monkeypatch: pytest.MonkeyPatch):
    """Not even where an operation hands it over: as text of errors, in figures, in log lines, in keys."""
    dsn = make_conninfo("", host="db", user="ops", password=secret)
    uri = "postgresql://ops:" + secret.replace("@", "%40").replace("/", "%2F") + "@db/app"
    monkeypatch.setenv("HOST_TOKEN", f"Bearer {HONEY}-header")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{HONEY}-store")
    path = WritePath(
        name="p", kind="http", url="http://host/", headers={"Authorization": "HOST_TOKEN"}, writes=("insert t",)
    )
    settings = offline_settings(tmp_path / "evidence").model_copy(
        update={
            "write_paths": (path,),
            "dsn": SecretStr(dsn),
            "archive_uri": SecretStr(f"s3://key:{HONEY}-archive@bucket"),
            "environments": {
                "staging": EnvironmentSettings(
                    dsn=SecretStr(f"postgresql://ops:{HONEY}-staging@staging/app"),
                    direct_dsn=SecretStr(make_conninfo("", host="direct", password=f"{HONEY} direct")),
                    admin_dsn=SecretStr(make_conninfo("", dbname="pgbouncer", password=f"{HONEY}-console")),
                )
            },
        }
    )
    staging = settings.environments["staging"]

    def leak() -> None:
        command = f"x --dsn {uri}"
        with evidence.recording(settings, "test", run_id="a", mode="execute", command=command) as recording:
            recording.log(f"connecting to {dsn}")
            recording.log(f"or {uri}, or postgres://someone:{HONEY}-other@db, or password={HONEY}-third")
            recording.figures.update({"dsn": dsn, uri: 1})
            for secret_of in (staging.dsn, staging.direct_dsn, staging.admin_dsn):
                assert secret_of is not None
                recording.log(f"or {secret_of.get_secret_value()}")
            recording.log(f"sent Bearer {HONEY}-header, signed with {HONEY}-store")
            recording.log(f"with {HONEY}-staging, {HONEY} direct or {HONEY}-console alone")
            recording.parameters.update(nested=[{"dsn": uri}])
            recording.support("a.b", ok=False, detail=f"refused {uri}", facts={"chain": uri})
            recording.finding("AREA", "code", f"see {uri}")
            raise RuntimeError(f"duplicate key value {HONEY}")

    with pytest.raises(RuntimeError):
        leak()
    files = [path for path in settings.evidence.directory.rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        content = path.read_bytes()
        text = gzip.decompress(content) if path.suffix == ".gz" else content
        assert HONEY.encode() not in text, path
        assert HONEY not in path.name
