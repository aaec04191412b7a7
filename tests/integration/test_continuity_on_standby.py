"""A baseline read from a standby, whose snapshots do not list the transactions that are running."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from tests import clusters
from tests.continuity import Found, capture, found, settings_for, verified
from threadline_ops import embedded
from threadline_ops.capture.install import install
from threadline_ops.continuity import run_baseline
from threadline_ops.database import opened
from threadline_ops.settings import Settings


@pytest.fixture
def place() -> Iterator[Path]:
    with clusters.place() as path:
        yield path


def _caught_up(standby: psycopg.Connection, primary: psycopg.Connection) -> None:
    (position,) = primary.execute("select pg_current_wal_flush_lsn()::text").fetchone() or ("",)
    deadline = time.monotonic() + 30
    while standby.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", (position,)).fetchone() != (True,):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_was_running_on_the_primary_is_ordered_after_a_standbys_chunks(place: Path, tmp_path: Path):
    with embedded.running(place / "primary") as server, opened(Settings(dsn=SecretStr(server.dsn())), "t") as database:
        install(database)
    clusters.copied(place / "primary", place / "standby")
    with embedded.running(place / "primary") as server, psycopg.connect(server.dsn(), autocommit=True) as primary:
        follow = {"primary_conninfo": server.dsn(), "hot_standby_feedback": "on"}
        with embedded.running(place / "standby", settings=follow) as copy:
            _compared(server.dsn(), copy.dsn(), primary, tmp_path)


def _compared(dsn: str, standby_dsn: str, primary: psycopg.Connection, tmp_path: Path) -> None:
    settings = settings_for(dsn, tmp_path)
    primary.execute("create table things (id int primary key, v text)")
    primary.execute("insert into things select i, 'v' || i from generate_series(1, 20) i")
    capture(settings, "things")
    with psycopg.connect(dsn) as running, psycopg.connect(standby_dsn, autocommit=True) as standby:
        running.execute("update things set v = 'in flight' where id = 5")
        running.execute("insert into things values (21, 'in flight')")
        primary.execute("update things set v = 'committed' where id = 6")
        _caught_up(standby, primary)
        snapshot = standby.execute("select pg_current_snapshot()::text").fetchone()
        assert snapshot is not None
        assert snapshot[0].endswith(":"), "a standby's snapshot lists no running transaction; if it does, rejoice"
        reading = settings.model_copy(update={"dsn": SecretStr(standby_dsn)})
        taken = run_baseline(reading, "things").result
        assert (taken.origin, taken.rows) == ("standby", 20)
        running.commit()
        _caught_up(standby, primary)
    for connected in (settings, reading):
        result = verified(connected, "things")
        assert found(result) == set()
        assert result.origin == ("standby" if connected is reading else "primary")
    primary.execute("set session_replication_role = replica")
    primary.execute("update things set v = 'past capture' where id = 5")
    assert found(verified(settings, "things")) == {Found("bypassed", ("5",), ("v",))}
