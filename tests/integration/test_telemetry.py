"""Every run is a span with its metrics, and nothing of what was captured leaves."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from opentelemetry.trace import StatusCode

from tests import audited_world
from tests.audit import bulk, settings_for
from tests.otlp import otlp_receiver
from tests.telemetry import Heard
from threadline_ops import evidence
from threadline_ops.capture.actor import acting, record_action
from threadline_ops.capture.context import Actor
from threadline_ops.coverage.run import run_coverage, run_doctor
from threadline_ops.errors import PolicyError, TopologyError
from threadline_ops.retention import PurgeRequest, run_purge

ROOT = Path(__file__).parents[2]


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_a_purge_is_a_span_and_its_figures_are_metrics(audited, connection, tmp_path, heard):
    bulk(connection, transactions=40, per_transaction=3, days=180, now=datetime.now(UTC))
    settings = settings_for(audited, tmp_path)
    seen = run_purge(settings, PurgeRequest()).preview
    done = run_purge(settings, PurgeRequest(execute=True)).result
    assert seen
    assert done
    assert heard.metric("threadline.purge.changes", threadline_operation="retention_purge") == done.deleted_changes > 0
    assert heard.metric("threadline.purge.transactions") == done.deleted_transactions
    assert heard.metric("threadline.purge.expired", threadline_mode="dry_run") == seen.expired_changes
    assert heard.metric("threadline.operation.duration", threadline_outcome="complete") == 1
    dry, executed = heard.spans()
    assert (dry.name, executed.name) == ("threadline.retention_purge", "threadline.retention_purge")
    marks = dict(executed.attributes or {})
    assert marks["threadline.mode"] == "execute"
    assert marks["deployment.environment.name"] == "test"
    assert marks["db.system.name"] == "postgresql"
    assert marks["threadline.figure.deleted_changes"] == done.deleted_changes
    assert executed.status.status_code is StatusCode.UNSET


def test_a_failed_run_says_its_kind_and_no_more(tmp_path, heard):
    settings = settings_for("", tmp_path).model_copy(update={"dsn": None})
    with pytest.raises(TopologyError), evidence.recording(settings, "x", run_id=None, mode="check", command="x") as r:
        r.figures["rows"] = 1
        raise TopologyError("captured-value", fix="look")
    (span,) = heard.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert dict(span.attributes or {})["error.type"] == "TopologyError"
    assert not span.events
    assert "captured-value" not in span.to_json()
    assert heard.metric("threadline.operation.duration", error_type="TopologyError") == 1
    with pytest.raises(PolicyError):
        run_purge(settings_for("", tmp_path, keep_days=None), PurgeRequest())
    assert heard.spans()[-1].attributes["threadline.outcome"] == "refused"


def test_the_three_events_of_threadline(healthy_directly, tmp_path, heard, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with psycopg.connect(healthy_directly, autocommit=True) as connection:
        with acting(connection, Actor("user", "7")):
            connection.execute("update orders set note = 'secret-note'")
            record_action(connection, "order.noted", status="error")
            with acting(connection, Actor("user", "8")):
                connection.execute("update orders set note = 'again'")
        with pytest.raises(ZeroDivisionError), acting(connection, Actor("user", "7")):
            _ = 1 / 0
    assert heard.metric("threadline.transaction.committed") == 1, "a savepoint and a rollback are no commit"
    assert heard.metric("threadline.action.recorded", threadline_status="error") == 1
    settings = audited_world.settings_for(healthy_directly)
    run_coverage(settings)
    (event,) = heard.spans()[-1].events
    assert event.name == "threadline.health.checked"
    assert dict(event.attributes or {})["covered"] == 4
    assert heard.metric("threadline.health.covered", threadline_operation="coverage") == 4
    run_doctor(settings)
    assert heard.metric("threadline.audit.changes", threadline_operation="doctor") > 0
    told = "".join(span.to_json() for span in heard.spans()) + str(heard.attributes())
    for secret in ("secret-note", "Countess", "ada@", "order.noted", "code 1"):
        assert secret not in told


@pytest.mark.backlog("observability.telemetry_attached")
@pytest.mark.parametrize("answers", [True, False])
def test_the_coverage_check_proves_that_somebody_hears(healthy_directly: str, tmp_path: Path, answers: bool):
    """In a process of its own, configured as operators do: by OpenTelemetry's variables alone."""
    with otlp_receiver() as receiver:
        receiver.status = 200 if answers else 400
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("THREADLINE_OPS_", "OTEL_"))}
        done = subprocess.run(
            [sys.executable, "-m", "threadline_ops", "coverage", "--json"],
            env=plain
            | {
                "THREADLINE_OPS_DSN": healthy_directly,
                "THREADLINE_OPS_COVERAGE__EXPECTED_TABLES": '["public.orders"]',
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
                "OTEL_SERVICE_NAME": "the-service",
                "PYTHONPATH": str(ROOT),
            },
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    record = json.loads(next((tmp_path / ".threadline/evidence").glob("*.json")).read_bytes())
    (claim,) = [claim for claim in record["claims"] if claim["row"] == "observability.telemetry_attached"]
    assert claim["status"] == ("OK" if answers else "Issue")
    assert claim["control"] == {"name": "a receiver where nothing listens", "failed": True}
    if answers:
        assert {"threadline.coverage", "threadline.delivery"} <= receiver.spans
        assert "threadline.health.covered" in receiver.metrics
        assert receiver.services == {"the-service"}
