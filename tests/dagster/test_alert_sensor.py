"""The sensor tells what the evidence shows, through the same round as the command."""

from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Operations
from jobs.alerts import alert_sensor
from jobs.definitions import defs
from tests.receiver import receiver
from threadline_ops import evidence
from threadline_ops import settings as configuration


def tick() -> dg.SkipReason:
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, definitions=defs, resources={"operations": Operations()}) as context,
    ):
        result = alert_sensor(context)
    assert isinstance(result, dg.SkipReason)
    return result


def test_a_tick_is_a_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path))
    assert "THREADLINE_OPS_ALERT_URLS is not set" in str(tick().skip_message)
    settings = configuration.load()
    with evidence.recording(settings, "retention_purge", run_id=None, mode="execute", command="x") as recording:
        recording.outcome = "capped"
    with receiver() as hears:
        monkeypatch.setenv("THREADLINE_OPS_ALERT_URLS", f"json://127.0.0.1:{hears.port}")
        assert tick().skip_message == "1 told, 0 recovered, 1 symptoms in all"
        assert tick().skip_message == "0 told, 0 recovered, 1 symptoms in all"
        assert len(hears.got) == 1
        monkeypatch.setenv("THREADLINE_OPS_ALERT_URLS", "bogus://secret")
        with pytest.raises(dg.Failure, match="address 1"):
            tick()
