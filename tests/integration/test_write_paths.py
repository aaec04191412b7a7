"""A real application behind a real PgBouncer, probed end to end; every mistake has a message of its own."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tests.audit import settings_for
from tests.sample_host import bookings, worker
from tests.sample_host.web import TOKEN, serving
from threadline_ops.backlog import load
from threadline_ops.backlog.markdown import PATHS_MARKER, TOPOLOGY_MARKER, render
from threadline_ops.backlog.tables import parse
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.declared import EnvironmentSettings, WritePath
from threadline_ops.errors import SettingsError
from threadline_ops.sections import CaptureSettings, CaptureTable
from threadline_ops.settings import Settings
from threadline_ops.topology import TopologyRequest, run_topology
from threadline_ops.write_paths import PathResult, ProbeRequest, observe, run_probes

WRITES = ("insert public.bookings", "insert passengers")
EMAIL = "someone.private@example.com"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "LINK_SECONDS", 0.3)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for rows once: these hosts commit before they answer, so what is not there by then does not come."""
    wait = observe.wait

    def look_once(*arguments: Any, timeout_s: float, **named: Any) -> observe.Sighting:
        return wait(*arguments, timeout_s=min(timeout_s, 0.0), **named)

    monkeypatch.setattr(observe, "wait", look_once)


@pytest.fixture(params=["direct", "transaction"])
def pooling(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def dsn(audited_directly: str, poolers, pooling: str) -> str:
    return audited_directly if pooling == "direct" else poolers(pooling).dsn(audited_directly)


@pytest.fixture
def settings(dsn: str, audited_directly: str, connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SAMPLE_HOST_TOKEN", TOKEN)
    monkeypatch.setenv("SAMPLE_HOST_DSN", url(dsn))
    for statement in (*bookings.TABLES, worker.QUEUE):
        connection.execute(statement)
    capture = CaptureSettings(tables={"passengers": CaptureTable(mask=("email",))})
    environment = EnvironmentSettings(allow_writes=True, observe_writes=True)
    made = settings_for(dsn, tmp_path / "evidence").model_copy(
        update={
            "direct_dsn": SecretStr(audited_directly),
            "capture": capture,
            "environments": {"test": environment},
        }
    )
    with opened(made, "test", direct=True) as database:
        list(apply(database, [Table("public", "bookings"), Table("public", "passengers")], capture))
    return made


def url(dsn: str) -> str:
    """SQLAlchemy takes addresses only."""
    parts = conninfo_to_dict(dsn)
    return "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format(**parts)


def http_path(address: str, **changes) -> WritePath:
    return WritePath(
        **(
            {
                "name": "create booking",
                "kind": "http",
                "url": address,
                "headers": {"Authorization": "SAMPLE_HOST_TOKEN"},
                "body": {"flight": 7, "email": EMAIL},
                "expected_status": 201,
                "writes": WRITES,
                "actor_types": ("user",),
                "timeout_s": 10,
            }
            | changes
        )
    )


def job_path(**changes) -> WritePath:
    command = (sys.executable, "-m", "tests.sample_host.worker", "{correlation_id}")
    return WritePath(**({"name": "close day", "kind": "job", "command": command, "writes": WRITES} | changes))


def run(settings: Settings, *paths: WritePath) -> list[PathResult]:
    return list(run_probes(settings.model_copy(update={"write_paths": paths}), ProbeRequest()).paths)


def probed(settings: Settings, dsn: str, fault: str, **changes) -> PathResult:
    with serving(url(dsn), fault) as address:
        return run(settings, http_path(address, **changes))[0]


def check(result: PathResult, key: str):
    return next(check for check in result.checks if check.key == key)


def test_a_right_request_passes_every_check(settings: Settings, dsn: str, pooling: str, connection):
    result = probed(settings, dsn, "")
    assert result.status == "OK", result.notes
    assert result.control_failed is True
    statuses = {c.key: c.status for c in result.checks}
    expected = {"actor_is_local": "Not run"} if pooling == "direct" else {}
    assert statuses == dict.fromkeys(statuses, "OK") | expected
    assert len(statuses) == 10
    assert "2 changes were found by its action" in check(result, "captured").observed
    left = connection.execute("select count(*) from pg_trigger where tgname like 'threadline_ops_watch%'").fetchone()
    assert left == (0,)


@pytest.mark.parametrize(
    ("fault", "key", "message"),
    [
        ("forgets_actor", "actor_present", "was never set in this transaction"),
        ("sets_actor_late", "actor_present", "was set after the first write"),
        ("leaves_action_unlinked", "action_linked", "does not link to it"),
        ("records_no_action", "action_linked", "no action with the correlation id"),
        ("malformed_actor", "actor_present", "it is none"),
        ("two_transactions", "one_transaction", "2 audit transactions"),
        ("writes_nothing", "captured", "nothing was written, or it is not captured"),
    ],
)
@pytest.mark.usefixtures("at_once")
def test_each_mistake_has_its_own_message(settings: Settings, dsn: str, fault: str, key: str, message: str):
    result = probed(settings, dsn, fault)
    assert result.status == "Issue"
    found = check(result, key)
    assert (found.status, message in found.observed) == ("Issue", True), found
    assert message in result.notes


@pytest.mark.parametrize("pooling", ["transaction"], indirect=True)
def test_an_actor_set_for_the_session_is_found_on_the_pool(settings: Settings, dsn: str):
    result = probed(settings, dsn, "sets_actor_for_session")
    assert result.status == "Issue"
    assert "after the path ran, a backend of this pool kept an actor" in check(result, "actor_is_local").observed
    assert check(result, "actor_present").status == "OK"
    again = probed(settings, dsn, "")
    assert "before the path ran" in check(again, "actor_is_local").observed


def test_without_a_witness_the_message_says_what_is_not_known(settings: Settings, dsn: str):
    blind = settings.model_copy(update={"environments": {"test": EnvironmentSettings(allow_writes=True)}})
    result = probed(blind, dsn, "sets_actor_late")
    assert "never, or too late" in check(result, "actor_present").observed


def test_an_actor_of_another_type_is_an_issue(settings: Settings, dsn: str):
    result = probed(settings, dsn, "", actor_types=("admin",))
    assert "this path may only have admin" in result.notes


def test_a_masked_column_in_clear_is_found_and_not_quoted(settings: Settings, dsn: str):
    """Settings say that it is masked; the deployed function does not know."""
    with opened(settings, "test", direct=True) as database:
        list(apply(database, [Table("public", "passengers")], CaptureSettings()))
    result = probed(settings, dsn, "")
    assert check(result, "nothing_redacted_in_clear").observed == "in clear: passengers.email"
    assert EMAIL not in repr(result)
    for file in settings.evidence.directory.iterdir():
        if file.suffix == ".json":
            assert EMAIL not in file.read_text()


@pytest.mark.usefixtures("at_once")
def test_a_table_that_is_not_captured_is_missing(settings: Settings, dsn: str, connection: psycopg.Connection):
    connection.execute("drop trigger threadline_audit_passengers on passengers")
    result = probed(settings, dsn, "")
    assert "missing: insert public.passengers" in result.notes


@pytest.mark.usefixtures("at_once")
def test_a_path_that_answers_otherwise_is_an_issue(settings: Settings, dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SAMPLE_HOST_TOKEN", "wrong")
    result = probed(settings, dsn, "")
    assert "POST answered 401, declared is 201" in result.notes
    assert "wrong" not in repr(result)


def test_a_job_as_a_command(settings: Settings):
    (result,) = run(settings, job_path())
    assert result.status == "OK", result.notes
    assert {c.key for c in result.checks if c.status == "OK"} >= {"actor_well_formed", "correlation_carried"}


@pytest.mark.usefixtures("at_once")
def test_a_job_that_fails_or_cannot_start(settings: Settings):
    failing = job_path(name="fails", command=(sys.executable, "-c", "raise SystemExit(3)"))
    absent = job_path(name="absent", command=("/no/such/program",))
    results = run(settings, failing, absent)
    assert "the command ended with status 3" in results[0].notes
    assert "cannot be started" in results[1].notes


@contextmanager
def a_worker(dsn: str) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.05):
            worker.work_off(dsn)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def test_a_job_through_the_hosts_queue(settings: Settings, dsn: str):
    insert = "insert into jobs (args) values (jsonb_build_object('correlation_id', %(correlation_id)s::text))"
    with a_worker(url(dsn)):
        (result,) = run(settings, job_path(command=(), sql=insert))
    assert result.status == "OK", result.notes


def test_what_is_not_exercised_says_why(settings: Settings, monkeypatch: pytest.MonkeyPatch, connection):
    careful = settings.model_copy(update={"environments": {"test": EnvironmentSettings()}})
    unset = http_path("http://127.0.0.1:1/", name="unset", method="GET", headers={"X": "SAMPLE_HOST_UNSET"})
    elsewhere = job_path(name="elsewhere", environments=("production",))
    outside = WritePath(name="outside", kind="http", not_applicable="read-only by docs/scope.md, section 3")
    results = {r.name: r for r in run(careful, http_path("http://127.0.0.1:1/"), unset, elsewhere, outside)}
    assert {name: r.status for name, r in results.items()} == {
        "create booking": "Not run",
        "unset": "Not run",
        "elsewhere": "Not run",
        "outside": "N/A",
    }
    assert "allow_writes" in results["create booking"].notes
    assert "SAMPLE_HOST_UNSET" in results["unset"].notes
    assert "not for test" in results["elsewhere"].notes
    assert results["outside"].cells()["Notes"] == "read-only by docs/scope.md, section 3"


def test_the_record_has_every_check(settings: Settings, dsn: str):
    with serving(url(dsn)) as address:
        report = run_probes(settings.model_copy(update={"write_paths": (http_path(address),)}), ProbeRequest())
    record = json.loads(report.evidence.read_text())
    assert record["operation"] == "write_path_probe"
    assert record["figures"]["paths"]["create booking"]["status"] == "OK"
    assert TOKEN not in report.evidence.read_text()


def test_an_unknown_path_is_refused(settings: Settings):
    with pytest.raises(SettingsError, match="no such write path"):
        run_probes(settings, ProbeRequest(paths=("nothing",)))


@pytest.mark.thorough
def test_another_writer_is_not_taken_for_the_path(settings: Settings, dsn: str, connection: psycopg.Connection):
    """Rows of others appear in the same tables while the path, which writes nothing, is probed."""
    stop = threading.Event()

    def others() -> None:
        engine = bookings.engine_for(url(dsn))
        while not stop.is_set():
            bookings.book(engine, {"type": "user", "id": "9"}, flight=1, email="x@y.z", correlation_id="theirs")
            time.sleep(0.02)
        engine.dispose()

    thread = threading.Thread(target=others)
    thread.start()
    try:
        result = probed(settings, dsn, "writes_nothing", timeout_s=10)
    finally:
        stop.set()
        thread.join(20)
    assert "nothing ties one of them to this run" in check(result, "captured").observed


@pytest.mark.backlog(
    "topology.chain_is_known",
    "topology.matches_production",
    "paths.http_write_is_captured",
    "paths.job_write_is_captured",
    "actor.set_in_the_writes_transaction",
    "actor.jobs_carry_actors",
    "actor.actions_recorded",
)
@pytest.mark.parametrize("pooling", ["transaction"], indirect=True)
def test_a_host_behind_a_pooler_fills_its_rows(settings: Settings, dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threadline_ops.topology.contract_actor.TRANSACTIONS", 10)
    declared = settings.environments["test"].model_copy(
        update={"dsn": settings.dsn, "direct_dsn": settings.direct_dsn, "production": True}
    )
    host = settings.model_copy(update={"environment_class": "host", "environments": {"test": declared}})
    run_topology(host, TopologyRequest())
    with serving(url(dsn)) as address:
        run(host, http_path(address), job_path())
    seen = load(host, datetime.now(UTC) + timedelta(seconds=1))
    shown = {row.row.key: (row.status, row.unproven) for row in seen.rows if row.status != "Not run"}
    assert shown == dict.fromkeys(
        (
            "topology.chain_is_known",
            "topology.matches_production",
            "paths.http_write_is_captured",
            "paths.job_write_is_captured",
            "actor.set_in_the_writes_transaction",
            "actor.actions_recorded",
            "actor.jobs_carry_actors",
        ),
        ("OK", False),
    )
    document = render(seen, None)
    (environment,) = parse(document, TOPOLOGY_MARKER) or ()
    assert environment["Chain"].startswith("application -> PgBouncer")
    assert (environment["Pool mode"], environment["Matches prod"], environment["Class"]) == (
        "transaction", "yes", "host",
    )  # fmt: skip
    paths = {cells["Path"]: cells for cells in parse(document, PATHS_MARKER) or ()}
    assert {name: (cells["Kind"], cells["Status"]) for name, cells in paths.items()} == {
        "create booking": ("HTTP", "OK"),
        "close day": ("job", "OK"),
    }


@pytest.mark.parametrize("pooling", ["transaction"], indirect=True)
def test_a_host_that_forgets_its_actor_is_a_p0_until_it_is_mended(settings: Settings, dsn: str):
    host = settings.model_copy(update={"environment_class": "host"})

    def issues() -> dict[str, str]:
        return {issue.row: issue.severity for issue in load(host, datetime.now(UTC)).issues if issue.row}

    probed(host, dsn, "forgets_actor")
    assert issues() == {"paths.http_write_is_captured": "P0", "actor.set_in_the_writes_transaction": "P0"}
    probed(host, dsn, "")
    assert issues() == {}
