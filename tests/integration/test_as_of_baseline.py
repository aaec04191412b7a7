"""What a row was, asked of changes, an archive and a baseline: never a guess."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from tests.continuity import baseline, capture, settings_for
from threadline_ops import investigate
from threadline_ops.cli import app
from threadline_ops.continuity import Baselines, store
from threadline_ops.database import opened
from threadline_ops.errors import FilterError
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    connection.execute("create table things (id int primary key, v text)")
    connection.execute("insert into things select i, 'v' || i from generate_series(1, 20) i")
    made = settings_for(audited, tmp_path)
    capture(made, "things")
    return made


def known(settings: Settings, key: str | dict, at: datetime, table: str = "things", **more):
    with opened(settings, "tests") as database:
        asked = key if isinstance(key, dict) else {"id": key}
        return investigate.as_of(database, table, asked, at, baseline=Baselines(database, store(settings)), **more)


def now(connection: psycopg.Connection) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    return row[0]


def test_each_moment_gets_what_is_known_of_it_and_no_more(settings: Settings, connection):
    nothing = known(settings, "1", now(connection))
    assert (nothing.status, nothing.row) == ("before_horizon", None)
    baseline(settings, "things")
    base = known(settings, "1", now(connection))
    assert (base.status, base.row, base.source) == ("present", {"id": 1, "v": "v1"}, "baseline")
    before = known(settings, "1", LONG_AGO)
    assert (before.status, before.row, before.baseline_at) == ("before_baseline", None, base.since)
    assert before.statement == f"known as of baseline at {base.since.isoformat()}, history before is unknown"
    assert known(settings, "99", now(connection)).status == "absent"
    between = now(connection)
    connection.execute("update things set v = 'new' where id = 1")
    connection.execute("insert into things values (99, 'n')")
    assert known(settings, "1", between).row == {"id": 1, "v": "v1"}
    changed = known(settings, "1", now(connection))
    assert (changed.row, changed.source) == ({"id": 1, "v": "new"}, "audit_changes")
    assert known(settings, "99", now(connection)).status == "present"
    connection.execute("delete from things where id = 1")
    deleted = known(settings, "1", now(connection))
    assert (deleted.status, deleted.row) == ("deleted", None)
    assert deleted.statement.startswith("deleted at ")


def test_a_baseline_that_saw_a_change_is_newer_and_one_that_did_not_is_older(settings: Settings, connection):
    connection.execute("update things set v = 'seen' where id = 1")
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set v = 'past capture' where id = 1")
    connection.execute("set session_replication_role = origin")
    with psycopg.connect(connection.info.dsn, password=connection.info.password) as slow:
        # Captured before the baseline by the clock, and after it by its snapshot.
        slow.execute("update things set v = 'in flight' where id = 2")
        baseline(settings, "things")
        slow.commit()
    assert known(settings, "1", now(connection)).row == {"id": 1, "v": "past capture"}
    assert known(settings, "2", now(connection)).row == {"id": 2, "v": "in flight"}


def test_what_a_purge_may_have_taken_is_no_longer_known(settings: Settings, connection):
    baseline(settings, "things")
    base = known(settings, "1", now(connection)).since
    connection.execute("update things set v = 'new' where id = 1")
    asked = now(connection)
    connection.execute("delete from audit_changes")  # as a purge does
    cutoff = now(connection)
    gone = known(settings, "1", asked, purged_before=cutoff)
    assert (gone.status, gone.row, gone.baseline_at) == ("purged", None, base), (
        "the baseline may be out of date by then"
    )
    assert "look in the archive" in gone.statement
    assert known(settings, "1", LONG_AGO, purged_before=cutoff).status == "purged"
    assert known(settings, "1", asked, purged_before=base - timedelta(days=1)).row == {"id": 1, "v": "v1"}


class Archive:
    name = "archive"

    def row_at(self, table, keys, at, *, schema):
        return {"id": 1, "v": "archived"}, at


def test_an_archive_is_asked_before_the_baseline(settings: Settings, connection):
    baseline(settings, "things")
    found = known(settings, "1", now(connection), earlier=[Archive()])
    assert (found.row, found.source) == ({"id": 1, "v": "archived"}, "archive")
    connection.execute("update things set v = 'live' where id = 1")
    assert known(settings, "1", now(connection), earlier=[Archive()]).source == "audit_changes"


def test_keys_may_be_written_in_any_way_that_their_types_read(settings: Settings, connection):
    connection.execute("create table two (a uuid, b timestamptz, v text, primary key (b, a))")
    connection.execute("insert into two values ('0a000000-0000-0000-0000-000000000001', '2024-01-01Z', 'x')")
    baseline(settings, "two")
    key = {"a": "0A000000-0000-0000-0000-000000000001", "b": "2024-01-01 01:00+01"}
    assert known(settings, key, now(connection), "two").status == "present"
    baseline(settings, "things")
    assert known(settings, "007", now(connection)).row == {"id": 7, "v": "v7"}
    assert known(settings, {"id": 7}, now(connection)).row == {"id": 7, "v": "v7"}
    assert known(settings, "seven", now(connection)).status == "before_horizon"
    with pytest.raises(FilterError, match="not the table's primary key"):
        known(settings, {"v": "v7"}, now(connection))
    assert known(settings, "1", now(connection), "no_such_table").status == "before_horizon"


def test_the_command_asks_the_baseline_too(settings: Settings, connection, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREADLINE_OPS_DSN", settings.dsn.get_secret_value())
    monkeypatch.setenv("THREADLINE_OPS_ARCHIVE_URI", settings.archive_uri.get_secret_value())
    baseline(settings, "things")
    runner = CliRunner()
    early = runner.invoke(app, ["as-of", "things", "1", "--at", "2020-01-01T00:00:00Z"], env={"COLUMNS": "400"})
    assert early.exit_code == 1
    assert "known as of baseline at" in early.stdout
    assert "history before is unknown" in early.stdout
    done = runner.invoke(app, ["as-of", "things", "1", "--at", now(connection).isoformat(), "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["status"], found["row"], found["source"]) == ("present", {"id": 1, "v": "v1"}, "baseline")
    assert runner.invoke(app, ["as-of", "things", "99", "--at", now(connection).isoformat()]).exit_code == 0
