"""Archived, read back, purged: what the archive promises, and what it refuses."""

from pathlib import Path

import psycopg

from tests.archive import archive_settings, history, live, purged, written
from threadline_ops.archive import run_verify


def test_days_are_archived_read_back_and_purged(audited: str, connection: psycopg.Connection, tmp_path: Path):
    history(connection)
    before = live(connection)
    settings = archive_settings(audited, tmp_path)
    report = written(settings)
    assert report.rows == len(before)
    assert [str(day.day) for day in report.days] == [f"2026-05-{n}" for n in (16, 17, 18, 19)]
    assert not written(settings).days, "nothing is archived twice"
    checked = run_verify(settings, live=True)
    assert not checked.problems
    assert checked.rows == len(before)
    dry = purged(settings, execute=False).result
    assert (dry.outcome, dry.deleted_changes) == ("dry_run", len(before))
    done = purged(settings).result
    assert (done.outcome, done.deleted_changes) == ("complete", len(before))
    assert not live(connection)
    assert connection.execute("select count(*) from audit_transactions").fetchone() == (0,)
