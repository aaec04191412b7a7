"""Archived, read back, purged: what the archive promises."""

from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from tests import awkward
from tests.archive import archive_settings, history, live, purged, written
from threadline_ops.archive import run_verify, run_write
from threadline_ops.archive.run import WriteRequest
from threadline_ops.errors import LockHeld, PolicyError
from threadline_ops.lock import single_flight
from threadline_ops.progress import Interrupted
from threadline_ops.retention import purge
from threadline_ops.retention.policy import Policy


@pytest.mark.pooled
def test_days_are_archived_read_back_and_purged(audited: str, connection: psycopg.Connection, tmp_path: Path):
    history(connection)
    awkward.fill(connection)
    before = live(connection)
    settings = archive_settings(audited, tmp_path)
    report = written(settings)
    assert report.rows == len(before)
    days = sorted({row[5].date() for row in before.values()})
    assert [day.day for day in report.days] == days
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
    assert archived_ids(tmp_path) == sorted(before)


def archived_ids(place: Path) -> list[str]:
    return sorted(
        str(identity)
        for file in (place / "archive").rglob("*.parquet")
        for identity in pq.read_table(file)["id"].to_pylist()
    )


def test_slices_tile_their_day_whatever_their_size(audited: str, connection: psycopg.Connection, tmp_path: Path):
    """Equal times, one change a slice, and all in one: the range behind the last change belongs to it."""
    awkward.fill(connection)
    total = len(live(connection))
    for size in (1, 2, 50_000):
        place = tmp_path / str(size)
        settings = archive_settings(audited, place, archive={"slice_rows": size})
        connection.execute("drop schema if exists threadline_ops cascade")
        slices = sum(day.slices for day in written(settings).days)
        assert slices >= min(total, -(-total // size))
        assert not run_verify(settings, live=True).problems
    assert purged(settings).result.deleted_changes == total


def test_the_plain_purge_refuses_where_an_archive_is_required(audited: str, tmp_path: Path):
    policy = Policy.from_settings(archive_settings(audited, tmp_path, require_archive=True).retention)
    with pytest.raises(PolicyError, match="read back from the archive"):
        next(purge(None, policy, now=None, execute=True))  # refused before it looks at anything


def test_one_writer_at_a_time(audited: str, connection: psycopg.Connection, tmp_path: Path):
    history(connection)
    settings = archive_settings(audited, tmp_path)
    with single_flight(settings, "audit_archive", run_id="first"), pytest.raises(LockHeld, match="first"):
        purged(settings)
    with single_flight(settings, "retention_purge", run_id="plain"), pytest.raises(LockHeld, match="plain"):
        purged(settings)
    assert live(connection)


def test_a_capped_or_stopped_run_goes_on_where_it_ended(audited: str, connection: psycopg.Connection, tmp_path: Path):
    history(connection)
    before = live(connection)
    settings = archive_settings(audited, tmp_path)
    with pytest.raises(Interrupted):
        run_write(settings, WriteRequest(), should_stop=lambda: True)
    assert purged(settings, max_batches=2).result.outcome == "capped"
    assert 0 < len(live(connection)) < len(before)
    assert purged(settings).result.outcome == "complete"
    assert archived_ids(tmp_path) == sorted(before)


def test_nothing_newer_than_the_cutoff_goes(audited: str, connection: psycopg.Connection, tmp_path: Path):
    history(connection)
    before = live(connection)
    cutoff = sorted(row[5] for row in before.values())[len(before) // 2]
    result = purged(archive_settings(audited, tmp_path), cutoff=cutoff).result
    assert result.outcome == "complete"
    remaining = live(connection)
    assert {name for name, row in before.items() if row[5] >= cutoff} <= set(remaining)
    assert 0 < len(remaining) < len(before)
