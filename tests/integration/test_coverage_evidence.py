"""Examinations and trigger runs fill the backlog, open prioritised issues, and close them with what fixed them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.audited_world import CUSTOMERS, settings_for, write
from threadline_ops.backlog import Backlog, RowStatus, load
from threadline_ops.capture.run import TriggersRequest, run_install, run_triggers
from threadline_ops.coverage import run_coverage, run_doctor
from threadline_ops.sections import CaptureSettings, CaptureTable, EvidenceSettings
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

APPLY = TriggersRequest(execute=True)


@pytest.fixture
def settings(healthy: str, tmp_path: Path) -> Settings:
    changes = {"evidence": EvidenceSettings(directory=tmp_path / "evidence"), "environment_class": "host"}
    return settings_for(healthy).model_copy(update=changes)


@pytest.fixture
def connection(healthy_directly: str):
    with psycopg.connect(healthy_directly, autocommit=True) as opened:
        yield opened


def backlog(settings: Settings) -> Backlog:
    return load(settings, datetime.now(UTC) + timedelta(seconds=1))


def row(settings: Settings, key: str) -> RowStatus:
    return next(status for status in backlog(settings).rows if status.row.key == key)


def redacting(settings: Settings, **tables: CaptureTable) -> Settings:
    capture = CaptureSettings(tables=dict(settings.capture.tables) | tables)
    return settings.model_copy(update={"capture": capture})


@pytest.mark.backlog("capture.triggers_installed", "capture.codegen_matches_runtime", "capture.coverage_in_health")
def test_an_examination_fills_the_rows_of_capture(settings: Settings):
    run_doctor(settings, run_id="examined", started_by="sensor coverage_sensor")
    for key in (
        "capture.triggers_installed",
        "capture.codegen_matches_runtime",
        "capture.expected_tables_covered",
        "capture.coverage_in_health",
    ):
        found = row(settings, key)
        assert (found.status, found.unproven) == ("OK", False), f"{key}: {found.note}"


def test_a_run_that_a_person_started_shows_nothing_about_health(settings: Settings):
    run_doctor(settings)
    assert row(settings, "capture.coverage_in_health").status == "Not run"


def test_a_finding_opens_one_issue_whoever_sees_it_and_closes_with_what_fixed_it(settings: Settings, connection):
    run_doctor(settings)
    assert [issue for issue in backlog(settings).issues if issue.area == "COVERAGE"] == []
    connection.execute("alter table orders disable trigger threadline_audit_orders")
    run_doctor(settings, run_id="first")
    run_coverage(settings, run_id="second")
    (issue,) = [issue for issue in backlog(settings).issues if issue.area == "COVERAGE"]
    assert (issue.id, issue.severity) == ("AP-COVERAGE.1", "P0")
    assert "public.orders: threadline_audit_orders is disabled" in issue.symptom
    assert (issue.opened.run_id, issue.latest.run_id) == ("first", "second")
    for key in ("capture.triggers_installed", "capture.expected_tables_covered"):
        assert row(settings, key).status == "Issue"
    connection.execute("alter table orders enable trigger threadline_audit_orders")
    run_coverage(settings, run_id="fixed")
    seen = backlog(settings)
    (closed,) = [issue for issue in seen.closed if issue.area == "COVERAGE"]
    assert closed.id == "AP-COVERAGE.1"
    assert closed.closed is not None
    assert closed.closed.run_id == "fixed"
    assert [issue for issue in seen.issues if issue.area == "COVERAGE"] == []


def test_what_only_an_examination_sees_no_coverage_run_closes(settings: Settings, connection):
    connection.execute("alter table audit_changes enable row level security")
    run_doctor(settings)
    (issue,) = [issue for issue in backlog(settings).issues if "audit_row_security" in issue.symptom or issue.row]
    run_coverage(settings)
    assert issue.id in {still.id for still in backlog(settings).issues}
    assert row(settings, "capture.triggers_installed").status == "Issue"
    connection.execute("alter table audit_changes disable row level security")
    run_doctor(settings)
    assert issue.id in {closed.id for closed in backlog(settings).closed}
    assert row(settings, "capture.triggers_installed").status == "OK"


def test_drift_of_a_function_is_an_issue_of_its_row(settings: Settings):
    run_doctor(redacting(settings, **{"public.orders": CaptureTable(mask=("note",))}))
    found = row(settings, "capture.codegen_matches_runtime")
    assert (found.status, found.note) == ("Issue", "not what the settings generate: public.orders")


@pytest.mark.backlog("redaction.json_masked_whole")
def test_recorded_json_is_looked_at(settings: Settings, healthy_directly: str, connection):
    masking = redacting(settings, **{"public.customers": CUSTOMERS.model_copy(update={"mask": ("email", "address")})})
    run_triggers(masking, APPLY)
    run_doctor(masking)
    assert row(masking, "redaction.json_masked_whole").status == "Issue", "rows from before show the address"
    connection.execute("truncate audit_changes")
    nested = """insert into customers values (9, 'x', 'x', 'x', '{"city": {"name": "Rome"}}', now())"""
    write(healthy_directly, nested, "update customers set address = '[1]' where id = 9")
    run_doctor(masking)
    found = row(masking, "redaction.json_masked_whole")
    assert (found.status, found.unproven) == ("OK", False)
    assert "3 of 3 recorded values" in found.note


@pytest.mark.backlog("redaction.dry_run_after_changes")
def test_redaction_is_shown_before_it_is_applied(settings: Settings):
    key = "redaction.dry_run_after_changes"
    masking = redacting(settings, **{"public.orders": CaptureTable(mask=("note",))})
    run_triggers(masking, APPLY)
    found = row(masking, key)
    assert (found.status, found.note) == ("Issue", "no dry_run run on the same subject came before")
    again = redacting(settings, **{"public.orders": CaptureTable(exclude=("note",))})
    run_triggers(again, TriggersRequest())
    run_triggers(again, APPLY)
    found = row(again, key)
    assert (found.status, found.unproven) == ("OK", False)
    run_triggers(again, APPLY)
    assert row(again, key).evidence == found.evidence, "a run that changed no function applied no redaction"


def test_an_install_leaves_a_record(settings: Settings):
    assert run_install(settings).schema == "public"
    (path,) = settings.evidence.directory.glob("*.json")
    assert '"operation":"capture_install"' in path.read_text()
