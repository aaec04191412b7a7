"""Exports prove their rows by being read again, and a damaged or wrongly filtered one does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.audit import bulk, settings_for
from threadline_ops.backlog import RowStatus, load
from threadline_ops.export import ExportRequest, Filters, claims, readback, run_export
from threadline_ops.settings import Settings

LARGE, FILTERS = "export.large_exports", "export.filters_match_timeline"


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    bulk(connection, transactions=100, per_transaction=3, days=120, now=datetime.now(UTC))
    return settings_for(audited, tmp_path / "evidence").model_copy(update={"environment_class": "host"})


def row(settings: Settings, key: str) -> RowStatus:
    return next(one for one in load(settings, datetime.now(UTC) + timedelta(seconds=1)).rows if one.row.key == key)


@pytest.mark.pooled
@pytest.mark.backlog(LARGE, FILTERS)
@pytest.mark.parametrize("form", ["parquet", "csv", "json", "ndjson"])
def test_an_export_fills_its_rows(settings: Settings, tmp_path: Path, form: str):
    since = datetime.now(UTC) - timedelta(days=60)
    request = ExportRequest(str(tmp_path / f"out.{form}"), Filters(table="flights", since=since), format=form)
    done = run_export(settings, request).result
    assert 0 < done.rows < 300
    for key in (LARGE, FILTERS):
        found = row(settings, key)
        assert (found.status, found.unproven) == ("OK", False), found.note
    assert f"{done.rows} changes read back" in row(settings, LARGE).note


def test_a_cap_says_that_it_cut(settings: Settings, tmp_path: Path):
    run_export(settings, ExportRequest(str(tmp_path / "out.csv"), format="csv", max_rows=10))
    found = row(settings, LARGE)
    assert found.status == "OK"
    assert "10 changes read back from 1 files, 10 counted under a cap of 10" in found.note


def test_a_file_that_lost_a_change_is_an_issue(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    honest = readback.rows
    monkeypatch.setattr(readback, "rows", lambda *given, cut=False: honest(*given, cut=cut) - 1)
    run_export(settings, ExportRequest(str(tmp_path / "out.ndjson"), format="ndjson"))
    assert row(settings, LARGE).status == "Issue"


def test_an_export_of_other_changes_than_the_timeline_shows_is_an_issue(
    settings: Settings, tmp_path: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    connection.execute("update audit_changes set table_name = 'planes' where captured_at < now() - interval '60 days'")
    honest = claims.stream
    other = Filters(table="planes")
    monkeypatch.setattr(claims, "stream", lambda database, _filters, **given: honest(database, other, **given))
    run_export(settings, ExportRequest(str(tmp_path / "out"), Filters(table="flights")))
    assert row(settings, FILTERS).status == "Issue"


def test_what_a_purge_took_meanwhile_is_no_issue(
    settings: Settings, tmp_path: Path, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    honest = readback.newest_ids

    def purged_meanwhile(*given):
        connection.execute("delete from audit_changes where captured_at < now() - interval '30 days'")
        return honest(*given)

    monkeypatch.setattr(readback, "newest_ids", purged_meanwhile)
    run_export(settings, ExportRequest(str(tmp_path / "out")))
    assert row(settings, FILTERS).status == "OK"
