"""A run whose op Dagster tries again leaves exactly one record, whatever becomes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Operations
from assets.retention import purge_expired_changes
from jobs.backlog import run_evidence_sensor
from jobs.definitions import defs
from threadline_ops.errors import DatabaseError, OpsError, PolicyError
from threadline_ops.evidence import Record, Store, records, verify
from threadline_ops.evidence.logfile import read
from threadline_ops.retention import run as whole_run
from threadline_ops.settings import load


@dg.job(executor_def=dg.in_process_executor, resource_defs={"operations": Operations()})
def patient_purge():
    """The purge, as a deployment that retries wires it."""
    purge_expired_changes.with_retry_policy(dg.RetryPolicy(max_retries=2))()


@pytest.fixture(autouse=True)
def store(audited: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("THREADLINE_OPS_DSN", audited)
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__KEEP_DAYS", "90")
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))
    return Store(tmp_path / "evidence")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make the first so many attempts fail."""

    def fail(times: int, error: BaseException) -> None:
        left = iter([error] * times)
        honest = whole_run.preview

        def preview(*given, **named):
            if refused := next(left, None):
                raise refused
            return honest(*given, **named)

        monkeypatch.setattr(whole_run, "preview", preview)

    return fail


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return patient_purge.execute_in_process(instance=instance, raise_on_error=False)


def only(store: Store) -> Record:
    (record,) = records(store)
    assert verify(load()).problems == ()
    assert list(store.running.iterdir()) == []
    return record


AWAY = DatabaseError("the connection to the server was lost", fix="run again")


def test_the_last_attempt_is_the_record_and_all_are_listed(store: Store, instance, failing):
    failing(1, AWAY)
    result = run(instance)
    assert result.success
    record = only(store)
    assert (record.run_id, record.outcome, record.status) == (result.run_id, "dry_run", "OK")
    assert [attempt["outcome"] for attempt in record.body["attempts"]] == ["refused", "dry_run"]
    assert record.body["started"] == record.body["attempts"][0]["started"]
    log = read(store.log_path(record.run_id))
    assert "the connection to the server was lost" in log
    assert "attempt 1 is over; another one follows" in log
    assert "dry run, nothing deleted" in log


def test_attempts_that_all_fail_are_one_failure(store: Store, instance, failing):
    failing(9, AWAY)
    assert not run(instance).success
    record = only(store)
    assert [attempt["outcome"] for attempt in record.body["attempts"]] == ["refused"] * 3
    assert record.status == "Issue"


@pytest.mark.parametrize("error", [PolicyError("no", fix="yes")])
def test_what_no_retry_can_help_is_recorded_at_once(store: Store, instance, failing, error: OpsError):
    failing(9, error)
    assert not run(instance).success
    record = only(store)
    assert (record.outcome, record.body["attempts"]) == ("refused", [])


def test_a_run_whose_next_attempt_recorded_nothing_gets_its_record_from_the_sensor(
    store: Store, instance, failing, monkeypatch: pytest.MonkeyPatch
):
    """The first attempt waits for another, and that one fails before its recording begins."""
    failing(1, AWAY)
    settings = Operations.settings
    calls = iter([settings])

    def broken(_: Operations):
        raise RuntimeError

    monkeypatch.setattr(Operations, "settings", lambda self: next(calls, broken)(self))
    result = run(instance)
    monkeypatch.setattr(Operations, "settings", settings)
    assert not result.success
    assert list(records(store)) == [], "it waits"
    monkeypatch.setattr(dg.RepositoryDefinition, "has_job", lambda *_: True)
    resources = {"operations": Operations()}
    with dg.build_sensor_context(instance=instance, definitions=defs, resources=resources) as context:
        run_evidence_sensor(context)
    record = only(store)
    assert (record.run_id, record.outcome) == (result.run_id, "failed")
    assert [attempt["outcome"] for attempt in record.body["attempts"]] == ["refused"]
    assert "no attempt followed" in read(store.log_path(record.run_id))
