"""What is wrong is told once while it lasts, and once when it is over, whatever restarts in between."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from tests.audit import bulk
from tests.receiver import Receiver, receiver
from threadline_ops import evidence
from threadline_ops.alerts import Source, Symptom, addresses, run_round, told
from threadline_ops.alerts.addresses import split
from threadline_ops.cli import app
from threadline_ops.errors import EvidenceError, SettingsError, TopologyError
from threadline_ops.evidence import verify
from threadline_ops.scheduled import BudgetSettings
from threadline_ops.settings import Settings

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECRET = "s3cret-token"


@pytest.fixture
def hears() -> Iterator[Receiver]:
    with receiver() as started:
        yield started


def settings_for(directory: Path, *receivers: Receiver, **alerts: object) -> Settings:
    urls = " ".join(f"json://ops:{SECRET}@127.0.0.1:{one.port}/" for one in receivers)
    return Settings(
        environment="production",
        evidence={"directory": directory, "anchor": "off"},
        alert_urls=SecretStr(urls),
        alerts=alerts,
    )


def run(settings: Settings, outcome: str = "complete", mode: str = "execute", **figures: object) -> None:
    """A run that leaves its record, as every operation does."""
    with evidence.recording(settings, "retention_purge", run_id=None, mode=mode, command="threadline-ops purge") as r:
        r.outcome = outcome
        r.figures.update(figures)


def fail(settings: Settings) -> None:
    with (
        pytest.raises(TopologyError),
        evidence.recording(
            settings, "retention_purge", run_id=None, mode="execute", command="threadline-ops purge"
        ) as r,
    ):
        r.figures.update(deleted_changes=0)
        raise TopologyError("the server went away", fix="look")


def always(*symptoms: Symptom) -> dict[str, Source]:
    return {"made": lambda _settings, _now: symptoms}


LOST = Symptom("made:lost", "P0", "a trigger is gone", "public.orders", "runbooks/a-coverage-finding.md")
SLOW = Symptom("made:slow", "P1", "the purge is slow", "3 hours")
SMALL = Symptom("made:small", "P2", "a name is odd", "x")


def test_a_failure_is_told_once_and_its_end_once(hears: Receiver, tmp_path: Path):
    settings = settings_for(tmp_path, hears)
    run(settings)
    assert run_round(settings, now=NOW).lasting == 0
    fail(settings)
    assert len(run_round(settings, now=NOW).told) == 1
    (notice,) = hears.got
    assert notice["title"] == "production: P1 retention_purge (execute) ended failed"
    assert "docs/runbooks/a-run-failed.md" in notice["message"]
    hears.got.clear()
    fail(settings)
    assert run_round(settings, now=NOW).told == (), "it lasts, and was told"
    run(settings)
    assert len(run_round(settings, now=NOW).recovered) == 1
    assert hears.titles() == ["production: recovered: retention_purge (execute) ended failed"]
    run_round(settings, now=NOW)
    assert hears.titles() == []
    fail(settings)
    assert len(run_round(settings, now=NOW).told) == 1, "it came back, so it is news"


def test_a_capped_purge_and_findings_are_told(hears: Receiver, tmp_path: Path):
    settings = settings_for(tmp_path, hears)
    run(settings, "capped", remaining_changes=17)
    with evidence.recording(settings, "doctor", run_id=None, mode="check", command="threadline-ops doctor") as r:
        r.outcome = "findings"
        r.finding("COVERAGE", "trigger_missing public.orders", "public.orders: has no trigger", "P0", scope="catalog")
    run_round(settings, now=NOW)
    assert hears.titles() == [
        "production: P0 public.orders: has no trigger",
        "production: P1 retention_purge stopped at its cap",
    ]
    with evidence.recording(settings, "doctor", run_id=None, mode="check", command="threadline-ops doctor") as r:
        r.looked_through("catalog")
    assert run_round(settings, now=NOW).recovered == ("issue:AP-COVERAGE.1",)


def test_an_overdue_operation_is_told_and_recovers(hears: Receiver, tmp_path: Path):
    settings = settings_for(tmp_path, hears).model_copy(update={"budgets": BudgetSettings(retention_purge=24)})
    run(settings)
    assert run_round(settings, now=datetime.now(UTC) + timedelta(hours=23)).told == ()
    late = datetime.now(UTC) + timedelta(hours=25)
    assert run_round(settings, now=late).told == ("overdue:retention_purge",)
    run(settings)
    assert run_round(settings, now=datetime.now(UTC)).recovered == ("overdue:retention_purge",)
    assert len(hears.titles()) == 2


def test_an_address_that_was_down_hears_later_and_the_other_hears_nothing_twice(tmp_path: Path):
    with receiver() as up, receiver() as down:
        settings = settings_for(tmp_path, up, down)
        down.status = 503
        first = run_round(settings, now=NOW, sources=always(LOST, SLOW))
        assert first.undelivered == (2,)
        assert len(up.titles()) == 2
        down.status = 200
        assert run_round(settings, now=NOW, sources=always(LOST, SLOW)).undelivered == ()
        assert (len(up.titles()), len(down.titles())) == (0, 2)
        up.status = 503
        assert run_round(settings, now=NOW, sources=always(SLOW)).recovered == ()
        assert down.titles() == ["production: recovered: a trigger is gone"]
        up.status = 200
        assert run_round(settings, now=NOW, sources=always(SLOW)).recovered == ("made:lost",)
        assert (up.titles(), down.titles()) == (["production: recovered: a trigger is gone"], [])


def test_severity_reminders_and_the_cap(hears: Receiver, tmp_path: Path):
    settings = settings_for(tmp_path, hears, remind_after_hours=24, most_at_once=2)
    many = [Symptom(f"made:{n}", "P1", f"number {n}", "") for n in range(5)]
    assert len(run_round(settings, now=NOW, sources=always(*many, SMALL)).told) == 5
    assert hears.titles() == ["production: P1 number 0", "production: P1 number 1", "production: 3 more symptoms"]
    run_round(settings, now=NOW + timedelta(hours=23), sources=always(*many))
    assert hears.titles() == []
    run_round(settings, now=NOW + timedelta(hours=24), sources=always(many[0]))
    assert hears.titles()[-1] == "production: P1 number 0", "it lasts for a day"
    worse = Symptom("made:0", "P0", "number 0", "")
    run_round(settings, now=NOW + timedelta(hours=25), sources=always(worse))
    assert hears.titles() == ["production: P0 number 0"], "it got worse"
    quiet = settings_for(tmp_path, hears, recoveries=False)
    assert run_round(quiet, now=NOW, sources=always()).recovered == ("made:0",)
    assert hears.titles() == []


def test_a_source_that_cannot_look_recovers_nothing(hears: Receiver, tmp_path: Path):
    settings = settings_for(tmp_path, hears)

    def blind(_settings: Settings, _now: datetime) -> list[Symptom]:
        raise EvidenceError("the store is gone", fix="bring it back")

    run_round(settings, now=NOW, sources=always(LOST))
    hears.got.clear()
    done = run_round(settings, now=NOW, sources={"made": blind})
    assert (done.recovered, done.blind) == ((), ("made",))
    assert hears.titles() == ["production: P1 nobody can tell whether made is well"]
    assert run_round(settings, now=NOW, sources=always(LOST)).recovered == ("blind:made",)


def test_the_state_is_private_survives_and_is_no_stranger_to_the_evidence(hears: Receiver, tmp_path: Path):
    settings = settings_for(tmp_path, hears)
    run(settings)
    run_round(settings, now=NOW, sources=always(LOST))
    state = tmp_path / "alerts/state.json"
    assert (tmp_path / "alerts").stat().st_mode & 0o077 == 0
    assert SECRET not in state.read_text()
    assert [one.id for one in told(settings)] == ["made:lost"]
    assert verify(settings).intact
    state.chmod(0o600)
    state.write_text("{")
    with pytest.raises(EvidenceError, match="remove it"):
        run_round(settings, now=NOW, sources=always(LOST))


def test_no_address_is_ever_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]):
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    settings = settings_for(tmp_path).model_copy(
        update={"alert_urls": SecretStr(f"json://ops:{SECRET}@127.0.0.1:1/{SECRET}")}
    )
    (address,) = addresses(settings)
    assert not address.send("title", "body", "info")
    assert SECRET not in repr(address) + repr(settings) + json.dumps(settings.redacted())
    wrong = settings.model_copy(update={"alert_urls": SecretStr(f"bogus://{SECRET}")})
    with pytest.raises(SettingsError, match="address 1 in THREADLINE_OPS_ALERT_URLS") as refusal:
        addresses(wrong)
    said = capsys.readouterr()
    assert SECRET not in str(refusal.value) + caplog.text + said.out + said.err
    with evidence.recording(settings, "x", run_id="r", mode="check", command="x") as recording:
        recording.log(f"json://ops:{SECRET}@127.0.0.1:1/{SECRET}")
    assert SECRET not in recording.record_path.read_text()


def test_addresses_are_split_where_the_next_begins():
    assert split(" json://a/?x=1,2, mailto://b\nslack://c/d e ") == ["json://a/?x=1,2", "mailto://b", "slack://c/d e"]


def test_the_command_line(
    audited: str, connection: psycopg.Connection, hears: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bulk(connection, transactions=30, per_transaction=2, days=200, now=datetime.now(UTC))
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DSN": audited,
        "RETENTION__ENABLED": "true",
        "RETENTION__KEEP_DAYS": "90",
        "ALERT_URLS": f"json://ops:{SECRET}@127.0.0.1:{hears.port}/",
    }.items():
        monkeypatch.setenv(f"THREADLINE_OPS_{name}", value)

    def command(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, list(words))
        assert SECRET not in done.output
        return done.exit_code, done.output

    assert command("alerts", "list") == (0, "nothing is wrong that the evidence shows\n")
    assert command("alerts", "test") == (0, "address 1 (json): delivered\n")
    assert hears.titles() == ["local: test notice of threadline-ops"]
    assert command("purge", "--execute", "--batch-size", "5", "--max-batches", "2")[0] == 1
    assert command("alerts", "list")[0] == 1
    assert command("alerts", "send") == (0, "1 told, 0 recovered, 1 symptoms in all\n")
    assert hears.titles() == ["local: P1 retention_purge stopped at its cap"]
    assert json.loads(command("alerts", "list", "--json")[1])[0]["told"]["told_at"]
    assert command("purge", "--execute")[0] == 0
    hears.status = 500
    assert command("alerts", "send")[0] == 1
    assert command("alerts", "test")[0] == 1
    hears.status = 200
    assert json.loads(command("alerts", "send", "--json")[1])["recovered"] == ["capped:retention_purge"]
