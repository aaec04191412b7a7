"""Purge runs fill the backlog: what they showed, and what they did not."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.audit import bulk, settings_for
from threadline_ops import evidence
from threadline_ops.backlog import RowStatus, load
from threadline_ops.errors import PolicyError
from threadline_ops.evidence import Store
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.settings import Settings

EXECUTE = PurgeRequest(execute=True)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    bulk(connection, transactions=100, per_transaction=3, days=120, now=now())
    return settings_for(audited, tmp_path / "evidence").model_copy(update={"environment_class": "host"})


def row(settings: Settings, key: str, when: datetime | None = None) -> RowStatus:
    return next(status for status in load(settings, when or now()).rows if status.row.key == key)


@pytest.mark.backlog(
    "retention.config_validated",
    "retention.dry_run_before_execute",
    "retention.batch_size_and_schedule",
    "observability.purge_logs_visible",
)
def test_a_dry_run_and_a_purge_fill_their_rows(settings: Settings):
    run_purge(settings, PurgeRequest(), run_id="dry")
    assert row(settings, "retention.dry_run_before_execute").status == "OK"
    assert row(settings, "retention.batch_size_and_schedule").status == "Not run"
    run_purge(settings, EXECUTE, run_id="real")
    for key in (
        "retention.config_validated",
        "retention.dry_run_before_execute",
        "retention.batch_size_and_schedule",
        "observability.purge_logs_visible",
    ):
        found = row(settings, key)
        assert (found.status, found.unproven, found.environment_class) == ("OK", False, "host"), key
        assert found.pointer is not None
        assert "threadline-ops purge --execute (run real" in found.pointer
        assert found.expires_at is not None
        assert timedelta(days=29) < found.expires_at - now() < timedelta(days=30)


def test_an_ok_expires(settings: Settings):
    run_purge(settings, PurgeRequest())
    later = row(settings, "retention.dry_run_before_execute", now() + timedelta(days=31))
    assert later.status == "Not run"
    assert f"evidence of {now():%Y-%m-%d} expired" in later.note


@pytest.mark.backlog("retention.dry_run_before_execute")
def test_a_purge_without_a_dry_run_is_a_p0(settings: Settings):
    run_purge(settings, EXECUTE)
    found = row(settings, "retention.dry_run_before_execute")
    assert (found.status, found.note) == ("Issue", "no dry_run run on the same subject came before")
    (issue,) = [issue for issue in load(settings, now()).issues if issue.severity == "P0"]
    assert issue.id == "AP-RETENTION.1"


def test_a_dry_run_of_another_policy_does_not_count(settings: Settings):
    run_purge(settings, PurgeRequest())
    other = settings.model_copy(update={"retention": settings.retention.model_copy(update={"keep_days": 60})})
    run_purge(other, EXECUTE)
    assert row(settings, "retention.dry_run_before_execute").status == "Issue"
    run_purge(other, PurgeRequest())
    run_purge(other, EXECUTE)
    assert row(settings, "retention.dry_run_before_execute").status == "OK"
    backlog = load(settings, now())
    assert [issue.id for issue in backlog.closed] == ["AP-RETENTION.1"]


def test_other_batch_sizes_need_no_other_dry_run(settings: Settings):
    run_purge(settings, PurgeRequest())
    run_purge(settings, replace(EXECUTE, batch_size=7))
    assert row(settings, "retention.dry_run_before_execute").status == "OK"


@pytest.mark.backlog("retention.batch_size_and_schedule")
def test_a_capped_purge_is_an_issue_of_its_row_alone(settings: Settings):
    run_purge(settings, PurgeRequest())
    run_purge(settings, PurgeRequest(execute=True, batch_size=5, max_batches=1))
    assert row(settings, "retention.batch_size_and_schedule").status == "Issue"
    assert [issue.row for issue in load(settings, now()).issues] == ["retention.batch_size_and_schedule"]
    run_purge(settings, EXECUTE)
    assert load(settings, now()).issues == ()


@pytest.mark.backlog("retention.config_validated")
def test_settings_without_a_window_are_an_issue(settings: Settings):
    broken = settings.model_copy(update={"retention": settings.retention.model_copy(update={"keep_days": None})})
    with pytest.raises(PolicyError):
        run_purge(broken, EXECUTE)
    assert row(settings, "retention.config_validated").status == "Issue"


def test_a_check_whose_control_survives_is_unproven(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("threadline_ops.retention.claims._delete_read_only", lambda _: True)
    run_purge(settings, PurgeRequest(), run_id="dry")
    assert row(settings, "retention.dry_run_before_execute").unproven
    record = json.loads(Store(settings.evidence.directory).record_path("dry").read_text())
    (claim,) = [claim for claim in record["claims"] if claim["row"] == "retention.dry_run_before_execute"]
    assert claim["control"] == {"name": "a delete in the dry run's kind of transaction", "failed": False}


def test_captured_values_stay_out_of_the_store(settings: Settings, connection: psycopg.Connection, tmp_path: Path):
    honey = "honeytoken-captured"
    connection.execute("update audit_changes set data_after = jsonb_build_object('email', %s::text)", (honey,))
    # Names of tables are no captured values: the certificate counts by them.
    connection.execute("update audit_changes set table_pk = jsonb_build_object('id', %s::text)", (honey,))
    connection.execute(
        "update audit_transactions set source = %(honey)s, meta = jsonb_build_object('note', %(honey)s::text),"
        " actor_ref = jsonb_build_object('type', 'user', 'id', %(honey)s::text)",
        {"honey": honey},
    )
    connection.execute(
        "create function deny() returns trigger language plpgsql as $$ begin raise 'denied %', old.data_after; end $$"
    )

    def deny(_: object) -> None:
        """In mid-run, after the guards, which refuse such a trigger."""
        connection.execute(
            "create or replace trigger deny before delete on audit_changes for each row execute function deny()"
        )

    run_purge(settings, PurgeRequest())
    with pytest.raises(Exception, match="refused a statement"):
        run_purge(settings, PurgeRequest(execute=True, batch_size=50), on_event=deny)
    connection.execute("drop trigger deny on audit_changes")
    run_purge(settings, EXECUTE)
    store = Store(settings.evidence.directory)
    files = [path for path in store.directory.rglob("*") if path.is_file()]
    assert len(files) > 6
    for path in files:
        text = evidence.logfile.read(path) if path.suffix == ".gz" else path.read_text()
        assert honey not in text, path
    anchors = connection.execute("select string_agg(a::text, ' ') from threadline_ops.evidence_anchors a").fetchone()
    assert anchors is not None
    assert honey not in anchors[0]
