"""A purge that stopped at its cap is followed by another, once, if it got somewhere and purging is allowed."""

from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Operations
from jobs.definitions import defs
from jobs.retention import retention_backlog_sensor, retention_purge
from threadline_ops import evidence
from threadline_ops import settings as configuration


@pytest.fixture(autouse=True)
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path))
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "true")
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__KEEP_DAYS", "90")


def purged(run_id: str, outcome: str, deleted: int, mode: str = "execute") -> None:
    with evidence.recording(
        configuration.load(), "retention_purge", run_id=run_id, mode=mode, command="x"
    ) as recording:
        recording.outcome = outcome
        recording.figures = {"deleted_changes": deleted}


def tick() -> dg.RunRequest | None:
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, definitions=defs, resources={"operations": Operations()}) as context,
    ):
        (request,) = retention_backlog_sensor.evaluate_tick(context).run_requests or [None]
    return request


def test_it_is_off_by_default():
    assert retention_backlog_sensor.default_status is dg.DefaultSensorStatus.STOPPED


def test_it_goes_on_where_a_capped_purge_ended(monkeypatch: pytest.MonkeyPatch):
    assert tick() is None, "nothing was purged"
    purged("first", "capped", 500)
    purged("look", "dry_run", 0, mode="dry_run")
    request = tick()
    assert request is not None
    assert request.run_key == "first"
    assert dg.validate_run_config(retention_purge, request.run_config)
    assert request.run_config["ops"]["purge_expired_changes"]["config"]["mode"] == "execute"
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__ENABLED", "false")
    assert tick() is None, "not allowed"


@pytest.mark.parametrize(("outcome", "deleted"), [("complete", 500), ("capped", 0)])
def test_it_does_not_follow_one_that_is_done_or_got_nowhere(outcome: str, deleted: int):
    purged("first", "capped", 500)
    purged("second", outcome, deleted)
    assert tick() is None
