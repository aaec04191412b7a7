"""`threadline-ops archive` as a person meets it: output, exit status, and errors that say what to do."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from tests import awkward
from tests.archive import END, history, live
from threadline_ops.cli import app
from threadline_ops.errors import ArchiveError, FilterError, PolicyError, SettingsError


@pytest.fixture(autouse=True)
def environment(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    history(connection)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DSN": audited,
        "RETENTION__ENABLED": "true",
        "RETENTION__KEEP_DAYS": "30",
        "RETENTION__REQUIRE_ARCHIVE": "true",
        "ARCHIVE__SEAL_WAIT_S": "20",
        "ARCHIVE__SLICE_ROWS": "7",
    }.items():
        monkeypatch.setenv(f"THREADLINE_OPS_{name}", value)


def archive(*arguments: str, command: str = "archive"):
    found = CliRunner().invoke(app, [command, *arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_write_verify_purge_query(connection: psycopg.Connection):
    total = len(live(connection))
    assert json.loads(archive("write", "--json").stdout)["rows"] == total
    assert "4 days" in archive("verify", "--live", "--no-progress").stdout
    assert f"{total} in" in archive("purge").stdout
    assert len(live(connection)) == total, "dry unless told otherwise"
    with pytest.raises(PolicyError, match="read back from the archive"):
        archive("--execute", command="purge")
    done = json.loads(archive("purge", "--execute", "--full-speed", "--json").stdout)["result"]
    assert (done["outcome"], done["deleted_changes"]) == ("complete", total)
    assert not live(connection)
    shown = json.loads(archive("status", "--json").stdout)
    assert {(day["verified"], day["purged"] == day["slices"]) for day in shown["days"]} == {(True, True)}
    assert "of this cluster   yes" in archive("status").stdout
    assert len(json.loads(archive("query", "--limit", "1000", "--json").stdout)) == total
    rows = list(csv.DictReader(io.StringIO(archive("query", "--actor-ref", "user:ada", "--format", "csv").stdout)))
    assert [json.loads(row["transaction_json"])["actor_ref"]["id"] for row in rows] == ["ada"]


def test_query_finds_rows_transactions_and_states(connection: psycopg.Connection):
    change = awkward.add(connection, data={"v": 1}, table="planes", pk={"id": 7}, at=END - timedelta(hours=3))
    archive("purge", "--execute")
    assert not live(connection)
    (found,) = json.loads(archive("query", "--table", "planes", "--key", "7", "--json").stdout)
    assert found["id"] == str(change)
    assert json.loads(archive("query", "--change", str(change)).stdout)["data_after"] == {"v": 1}
    whole = json.loads(archive("query", "--transaction", found["transaction_id"]).stdout)
    assert [one["id"] for one in whole["changes"]] == [str(change)]
    then = archive("query", "--table", "planes", "--key", "7", "--at", END.isoformat())
    assert json.loads(then.stdout)["source"] == "archive"
    assert json.loads(archive("public.planes", "7", "--at", END.isoformat(), "--json", command="as-of").stdout)[
        "row"
    ] == {"v": 1}
    before = archive("query", "--table", "planes", "--key", "7", "--at", (END - timedelta(hours=4)).isoformat())
    assert before.exit_code == 1
    assert archive("query", "--transaction", str(change)).exit_code == 1
    for wrong in (("--key", "7"), ("--table", "planes", "--at", END.isoformat())):
        with pytest.raises(FilterError):
            archive("query", *wrong)


def test_waiting_names_who_keeps_a_day_open(audited_directly: str, connection: psycopg.Connection):
    """A session by its pid, a prepared transaction by its name, both with their age."""
    with psycopg.connect(audited_directly) as writer, psycopg.connect(audited_directly) as preparing:
        writer.execute("insert into audit_transactions (txid) values (-1000001)")
        preparing.execute("insert into audit_transactions (txid) values (-1000002)")
        preparing.execute("prepare transaction 'nightly import'")
        preparing.rollback()
        try:
            waiting = archive("write", "--wait", "0")
            assert waiting.exit_code == 1
            assert re.search(rf"pid {writer.info.backend_pid}, open for \d+ s", waiting.stderr)
            writer.rollback()
            waiting = archive("purge", "--execute", "--wait", "0")
            assert waiting.exit_code == 1
            assert "prepared transaction 'nightly import', open for" in waiting.stderr
            assert f"pid {writer.info.backend_pid}" not in waiting.stderr
            assert "nightly import" in archive("status").stdout
            assert len(live(connection)) > 0, "nothing unarchived is deleted"
        finally:
            # It would hold up every other test of this server.
            connection.execute("rollback prepared 'nightly import'")
    assert archive("write").exit_code == 0


def test_another_version_only_when_asked():
    archive("write")
    assert json.loads(archive("write", "--json").stdout)["days"] == []
    (day,) = json.loads(archive("write", "--day", "2026-05-18", "--again", "--json").stdout)["days"]
    assert day["version"] == 2
    assert archive("verify", "--day", "2026-05-18").exit_code == 0
    for wrong in (("write", "--again"), ("write", "--day", "yesterday"), ("verify", "--day", "2020-01-01")):
        with pytest.raises(SettingsError):
            archive(*wrong)
    today = datetime.now(UTC).date().isoformat()
    with pytest.raises(SettingsError, match="not over"):
        archive("write", "--day", today)


def test_a_broken_archive_exits_1(tmp_path: Path):
    archive("write")
    next(Path(".threadline/archive").glob("days/*/v1/*.parquet")).unlink()
    broken = archive("verify")
    assert broken.exit_code == 1
    assert "missing: days/2026-05-" in broken.stderr
    with pytest.raises(ArchiveError, match="does not verify"):
        archive("purge", "--execute")


def test_retiring_needs_a_window_and_execute_and_spares_holds(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    archive("purge", "--execute")
    with pytest.raises(PolicyError, match="keeps everything"):
        archive("retire", "--execute")
    monkeypatch.setenv("THREADLINE_OPS_ARCHIVE__KEEP_DAYS", "1")
    held = ("add", "--table", 'public."we""ird\x01"', "--reason", "case 7")
    assert archive(*held, command="hold").exit_code == 0
    days = Path(".threadline/archive/days")
    dry = json.loads(archive("retire", "--json").stdout)
    assert (len(dry["days"]), len(dry["held"]), len(list(days.iterdir()))) == (3, 1, 4)
    done = json.loads(archive("retire", "--execute", "--json").stdout)
    assert [day["day"] for day in done["retired"]] == dry["days"]
    assert [folder.name for folder in days.glob("*") if list(folder.iterdir())] == dry["held"]
    assert "certificate" in done["retired"][0]
    verified = json.loads(archive("verify", "--json").stdout)
    assert (verified["problems"], verified["entries"], verified["days"]) == ([], 7, 1)
    captured = {row["captured_at"][:10] for row in json.loads(archive("query", "--json").stdout)}
    assert captured == set(dry["held"]), "what was retired is gone for good"
