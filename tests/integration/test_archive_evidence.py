"""A purge by the archive is a purge: its runs fill the same rows of the backlog, and are asked for the same dry run."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from tests.archive import archive_settings, history, live, purged, written
from threadline_ops.backlog import RowStatus, load
from threadline_ops.database import opened
from threadline_ops.retention import holds
from threadline_ops.settings import Settings

DRY_RUN = "retention.dry_run_before_execute"
BATCHES = "retention.batch_size_and_schedule"
ROWS = ("retention.config_validated", DRY_RUN, BATCHES, "observability.purge_logs_visible")


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    history(connection)
    return archive_settings(audited, tmp_path).model_copy(update={"environment_class": "host"})


def row(settings: Settings, key: str) -> RowStatus:
    return next(status for status in load(settings, datetime.now(UTC)).rows if status.row.key == key)


@pytest.mark.backlog(*ROWS)
def test_a_dry_run_and_a_purge_fill_their_rows(settings: Settings):
    purged(settings, execute=False)
    assert row(settings, DRY_RUN).status == "OK"
    assert row(settings, BATCHES).status == "Not run"
    purged(settings)
    for key in ROWS:
        found = row(settings, key)
        assert (found.status, found.unproven) == ("OK", False), key
        assert found.pointer is not None
        assert "threadline-ops archive purge --execute" in found.pointer


@pytest.mark.backlog(DRY_RUN)
def test_a_purge_without_a_dry_run_is_a_p0(settings: Settings):
    purged(settings)
    found = row(settings, DRY_RUN)
    assert (found.status, found.note) == ("Issue", "no dry_run run on the same subject came before")


@pytest.mark.backlog(BATCHES)
def test_what_is_left_is_an_issue(settings: Settings, connection: psycopg.Connection):
    purged(settings, execute=False)
    purged(settings, max_batches=1)
    assert row(settings, BATCHES).status == "Issue"
    held = next(iter(live(connection).values()))
    with opened(settings, "test") as database:
        number = holds.add(database, holds.Hold("case 7", table=(held[2], held[3])))
        purged(settings)
        assert row(settings, BATCHES).status == "Issue", "the held slices keep expired changes, too"
        holds.release(database, number, reason="settled")
    purged(settings)
    assert row(settings, BATCHES).status == "OK"


def test_slices_beyond_the_setting_are_an_issue(settings: Settings):
    purged(settings, execute=False)
    written(settings)
    smaller = settings.archive.model_copy(update={"slice_rows": 2})
    purged(settings.model_copy(update={"archive": smaller}))
    assert "more than the allowed 2" in (row(settings, BATCHES).note or "")
