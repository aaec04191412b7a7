"""The preflight looks at a real server and at a backup tool's output, and its findings reach the backlog."""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.audit import settings_for
from tests.evidence_store import offline_settings
from threadline_ops import __version__
from threadline_ops.backlog import RowStatus, load
from threadline_ops.preflight import backups, distribution, review, run_preflight
from threadline_ops.preflight.backups import Archiver, Window
from threadline_ops.sections import BacklogSettings, CaptureSettings, CaptureTable, ReviewSettings
from threadline_ops.settings import Settings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HEALTHY = Archiver("on", 10, NOW - timedelta(minutes=5), 0, None, standby=False)
WINDOW = Window(NOW - 30 * DAY, NOW - DAY)


def rows(settings: Settings) -> dict[str, RowStatus]:
    return {status.row.key: status for status in load(settings, datetime.now(UTC)).rows}


def host(settings: Settings, **backlog) -> Settings:
    return settings.model_copy(update={"environment_class": "host", "backlog": BacklogSettings(**backlog)})


def test_backups_that_reach_back_are_fine():
    assert backups.objection(HEALTHY, WINDOW, None) is None
    assert backups.objection(HEALTHY, WINDOW, NOW - 29 * DAY) is None


@pytest.mark.parametrize(
    ("archiver", "window", "purged", "reason"),
    [
        (Archiver("off", 0, None, 0, None, standby=False), WINDOW, None, "archive_mode is off"),
        (Archiver("on", 0, None, 0, None, standby=False), WINDOW, None, "no write-ahead log has been archived"),
        (Archiver("on", 9, NOW - DAY, 3, NOW, standby=False), WINDOW, None, "archiving fails since"),
        (HEALTHY, None, None, "knows no backup"),
        (HEALTHY, WINDOW, NOW - 31 * DAY, "cannot be brought back"),
    ],
)
@pytest.mark.backlog("retention.backups_aligned")
def test_backups_that_would_not_help_are_named(archiver, window, purged, reason):
    assert reason in (backups.objection(archiver, window, purged) or "")


def test_the_window_is_read_from_pgbackrest():
    def backup(stop: datetime, **more) -> dict:
        return {"timestamp": {"start": 0, "stop": int(stop.timestamp())}} | more

    info = [{"name": "main", "backup": [backup(NOW - 90 * DAY, error=True), backup(NOW - 30 * DAY), backup(NOW - DAY)]}]
    assert backups.window_of(info) == WINDOW
    assert backups.window_of([{"name": "main", "backup": []}]) is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("no-such-backup-tool",), "cannot be run: FileNotFoundError"),
        ((sys.executable, "-c", "raise SystemExit(3)"), "ended with status 3"),
        ((sys.executable, "-c", "print('{}')"), "not pgBackRest's JSON"),
    ],
)
def test_a_backup_tool_that_does_not_answer_is_said(command, reason, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # A directory on PATH that this user may not enter would make another error of it.
    monkeypatch.setenv("PATH", str(tmp_path))
    if "JSON" in reason:
        command = (sys.executable, "-c", "print([1])")
    assert reason in str(backups.run_command(command))


def test_a_server_without_archiving_is_an_issue(audited: str, tmp_path: Path):
    settings = host(settings_for(audited, tmp_path / "evidence"))
    recording = run_preflight(settings)
    assert recording.figures["archive_mode"] == "off"
    assert rows(settings)["retention.backups_aligned"].status == "Issue"


def test_a_server_that_is_away_leaves_a_record_and_no_claim(tmp_path: Path):
    settings = host(settings_for("postgresql://u@127.0.0.1:1/d", tmp_path / "evidence"))
    assert run_preflight(settings).outcome == "unreachable"
    assert rows(settings)["retention.backups_aligned"].status == "Not run"


@pytest.mark.backlog("redaction.policy_reviewed")
def test_the_sign_off_holds_until_the_policy_drifts(tmp_path: Path):
    capture = CaptureSettings(tables={"public.people": CaptureTable(mask=("email",))})
    signed = ReviewSettings(
        policy_sha256=review.policy_sha256(capture),
        reviewer="Security",
        date=date.today().isoformat(),  # noqa: DTZ011
    )
    settings = host(offline_settings(tmp_path / "evidence"), redaction_review=signed)
    settings = settings.model_copy(update={"capture": capture})
    run_preflight(settings)
    found = rows(settings)["redaction.policy_reviewed"]
    assert (found.status, found.unproven) == ("OK", False)
    drifted = capture.model_copy(update={"tables": {"public.people": CaptureTable(mask=("email", "phone"))}})
    settings = settings.model_copy(update={"capture": drifted})
    run_preflight(settings)
    found = rows(settings)["redaction.policy_reviewed"]
    assert found.status == "Issue"
    assert "has changed since Security reviewed it" in found.note


def test_an_old_or_future_review_does_not_hold():
    capture = CaptureSettings()
    for day, reason in (("2025-01-01", "older than 365 days"), ("2026-07-01", "which is to come")):
        signed = ReviewSettings(policy_sha256=review.policy_sha256(capture), reviewer="Security", date=day)
        assert reason in (review.objection(capture, signed, NOW.date()) or "")


@pytest.mark.backlog("distribution.dependencies_resolve")
def test_requirements_that_are_not_met_are_named():
    assert distribution.unmet(distribution.requirements()) == []
    assert distribution.unmet(["rfc8785<0.0.1"])[0].startswith("rfc8785 ")
    assert distribution.unmet(["no-such-package-here>=1"]) == ["no-such-package-here is not installed"]
    assert distribution.unmet(['no-such-package-here; extra == "x"']) == []


@pytest.mark.backlog("distribution.version_matches_tag")
def test_another_release_than_the_tagged_one_is_an_issue(tmp_path: Path):
    settings = host(offline_settings(tmp_path / "evidence"), release_tag="v9.9.9")
    run_preflight(settings)
    found = rows(settings)["distribution.version_matches_tag"]
    assert found.status == "Issue"
    assert f"version {__version__} is installed, not v9.9.9" in found.note


def test_the_record_holds_nothing_that_the_tool_printed(audited: str, tmp_path: Path):
    tool = tmp_path / "tool.py"
    tool.write_text("print('honeytoken-from-the-tool')")
    settings = host(settings_for(audited, tmp_path / "evidence"), backup_command=(sys.executable, str(tool)))
    recording = run_preflight(settings)
    text = recording.record_path.read_text()
    assert "honeytoken-from-the-tool" not in text
    claims = {claim["row"]: claim for claim in json.loads(text)["claims"]}
    assert claims["retention.backups_aligned"]["status"] == "Issue"
