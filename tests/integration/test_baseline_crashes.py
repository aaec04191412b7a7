"""A run that is killed, anywhere, is resumed to what an uninterrupted one makes."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import killed
from tests.continuity import baseline, capture, found, manifests, settings_for, verified
from threadline_ops.continuity import store, take
from threadline_ops.database import opened
from threadline_ops.errors import ContinuityError, DatabaseError
from threadline_ops.progress import drive
from threadline_ops.settings import Settings

#: Imports what a run needs once, and forks for each kill.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([killed.__name__])


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    connection.execute("create table things (id int primary key, v text, secret text, email text)")
    connection.execute(
        "insert into things select i, 'v' || i, 'honeytoken-' || i, i || '@x' from generate_series(1, 50) i"
    )
    made = settings_for(audited, tmp_path)
    capture(made, "things")
    return made


def rows(settings: Settings, version: int = 1) -> pa.Table:
    return pa.concat_tables([pq.read_table(chunk["path"]) for chunk in manifests(settings, version)])


#: Every boundary between chunks, the one before the closing manifest, and three places inside chunks.
KILLS = [("manifest", n) for n in range(1, 10)] + [(w, n) for w in ("read", "data", "torn") for n in (1, 2, 5, 8)]
USUAL = {("manifest", 1), ("manifest", 5), ("manifest", 8), ("manifest", 9), ("read", 2), ("data", 5), ("torn", 8)}


@pytest.mark.parametrize(
    ("where", "number"), [pytest.param(*kill, marks=() if kill in USUAL else pytest.mark.thorough) for kill in KILLS]
)
def test_a_killed_run_is_resumed_to_what_an_uninterrupted_one_makes(
    settings, connection, audited, tmp_path, where, number
):
    here, there = PROCESSES.Pipe()
    child = PROCESSES.Process(target=killed.run, args=(audited, tmp_path, where, number, there))
    child.start()
    assert here.poll(60)
    child.kill()
    child.join()
    kept = len(manifests(settings))
    if where == "manifest":
        assert kept >= min(number, 8)
    connection.execute("update things set v = 'later' where id in (1, 25, 50)")
    result = baseline(settings, "things")
    assert (result.rows, result.chunks) == (50, 8)
    assert result.new_chunks == 8 - kept
    assert rows(settings).column("id").to_pylist() == list(range(1, 51))
    assert found(verified(settings, "things")) == set()
    names = {path.name for path in Path(result.place).iterdir()}
    known = {chunk["file"] for chunk in manifests(settings)}
    assert {name for name in names if not name.endswith(".json")} == known, "nothing else is left behind"
    reference = settings_for(audited, tmp_path / "uninterrupted")
    baseline(reference, "things")
    assert [c["bounds"] for c in manifests(settings)] == [c["bounds"] for c in manifests(reference)]
    assert rows(settings).column("email").equals(rows(reference).column("email"))


def test_a_lost_connection_keeps_what_was_published(settings, connection):
    with opened(settings, "tests") as database:
        work = take(database, store(settings), "things", capture=settings.capture, limits=settings.continuity)
        next(work)
        connection.execute("select pg_terminate_backend(%s)", (database.connection.info.backend_pid,))
        with pytest.raises(DatabaseError):
            drive(work, lambda _: None)
    kept = len(manifests(settings))
    assert kept >= 1
    assert baseline(settings, "things").new_chunks == 8 - kept


def test_a_store_that_fails_keeps_no_torn_file(settings, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ContinuityError, match="cannot be written"):
        baseline(settings, "things")
    monkeypatch.undo()
    assert settings.archive_uri is not None
    left = Path(settings.archive_uri.get_secret_value()).rglob("*")
    assert [path.name for path in left if path.is_file()] == []
