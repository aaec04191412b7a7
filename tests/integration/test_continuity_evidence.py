"""Baselines and verifications prove their rows for all tables together, and a gap is an issue of its own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.continuity import capture, settings_for
from threadline_ops.backlog import Backlog, RowStatus, load
from threadline_ops.continuity import run_baseline, run_verify
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

GUIDE, VERIFIED = "continuity.guide_followed", "continuity.verified"


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    for name in ("planes", "airports"):
        connection.execute(f"create table {name} (id int primary key, label text)")
        connection.execute(f"insert into {name} select n, 'before' from generate_series(1, 20) as n")
    made = settings_for(audited, tmp_path).model_copy(update={"environment_class": "host"})
    capture(made, "planes", "airports")
    return made


def backlog(settings: Settings) -> Backlog:
    return load(settings, datetime.now(UTC) + timedelta(seconds=1))


def row(settings: Settings, key: str) -> RowStatus:
    return next(one for one in backlog(settings).rows if one.row.key == key)


@pytest.mark.backlog(GUIDE, VERIFIED)
def test_the_rows_are_filled_when_every_table_is_done(settings: Settings, connection: psycopg.Connection):
    run_baseline(settings, "planes")
    found = row(settings, GUIDE)
    assert (found.status, found.note) == ("Issue", "no baseline of public.airports")
    connection.execute("update airports set label = 'seen' where id = 9")
    run_baseline(settings, "airports")
    found = row(settings, GUIDE)
    assert (found.status, found.unproven) == ("OK", False)
    assert "2 tables have a baseline; capture of public.airports began" in found.note
    connection.execute("update planes set label = 'after' where id = 3; delete from airports where id = 4")
    run_verify(settings, "planes")
    assert row(settings, VERIFIED).note == "public.airports was not verified as a whole yet"
    run_verify(settings, "airports")
    found = row(settings, VERIFIED)
    assert (found.status, found.unproven) == ("OK", False), found.note
    assert backlog(settings).issues == ()


def test_a_gap_in_one_table_is_not_hidden_by_another(settings: Settings, connection: psycopg.Connection):
    for name in ("planes", "airports"):
        run_baseline(settings, name)
    connection.execute("set session_replication_role = replica; update planes set label = 'past' where id = 3")
    run_verify(settings, "planes", run_id="gap")
    run_verify(settings, "airports")
    assert (row(settings, VERIFIED).status, row(settings, VERIFIED).note) == ("Issue", "public.planes has gaps")
    gap = next(issue for issue in backlog(settings).issues if "got past capture" in issue.symptom)
    assert (gap.id, gap.severity, gap.opened.run_id) == ("AP-CONTINUITY.2", "P0", "gap")
    assert "public.planes: rows got past capture: 1 bypassed" in gap.symptom
    connection.execute("set session_replication_role = origin; update planes set label = 'seen' where id = 3")
    run_verify(settings, "planes", run_id="fixed")
    assert row(settings, VERIFIED).status == "OK"
    closed = next(issue for issue in backlog(settings).closed if issue.id == gap.id)
    assert closed.closed is not None
    assert closed.closed.run_id == "fixed"


def test_a_sample_closes_nothing(settings: Settings, connection: psycopg.Connection):
    run_baseline(settings, "planes")
    connection.execute("set session_replication_role = replica; delete from planes where id = 1")
    run_verify(settings, "planes")
    gap = next(issue for issue in backlog(settings).issues if "got past capture" in issue.symptom)
    connection.execute("insert into planes values (1, 'before')")
    run_verify(settings, "planes", sample=0.5)
    assert gap.id in {issue.id for issue in backlog(settings).issues}
