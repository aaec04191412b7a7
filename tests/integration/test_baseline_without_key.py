"""A table without a primary key: one snapshot, nothing to resume, nothing to verify by."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.continuity import baseline, capture, manifests, redacting, settings_for, verified
from threadline_ops.continuity import ChunkWritten, Store, store, take
from threadline_ops.database import opened
from threadline_ops.errors import ContinuityError
from threadline_ops.progress import drive
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    connection.execute("create table log (n int, v text, secret text) with (fillfactor = 50)")
    connection.execute("insert into log select i, repeat('x', 500), 'honeytoken' from generate_series(1, 2000) i")
    connection.execute("insert into log values (1, null, ''), (1, null, '')")
    made = settings_for(audited, tmp_path, chunk_rows=300)
    capture(made, "log")
    return made


def rows(settings: Settings) -> list[tuple]:
    tables = [pq.read_table(chunk["path"]) for chunk in manifests(settings)]
    return sorted(
        zip(*(pa.concat_tables(tables).column(name).to_pylist() for name in ("n", "v")), strict=True), key=str
    )


def live(connection: psycopg.Connection) -> list[tuple]:
    return sorted(connection.execute("select n::text, v from log").fetchall(), key=str)


def as_text(found: list[tuple]) -> list[tuple]:
    return sorted(((str(n), v) for n, v in found), key=str)


def test_all_chunks_share_one_snapshot_whatever_moves_meanwhile(settings: Settings, connection: psycopg.Connection):
    before = live(connection)
    with opened(settings, "tests") as database:
        work = take(database, store(settings), "log", capture=settings.capture, limits=settings.continuity)
        assert isinstance(next(work), ChunkWritten)
        connection.execute("update log set v = v || 'moved' where n % 3 = 0")
        connection.execute("delete from log where n % 5 = 0")
        connection.execute("insert into log select i, 'new', '' from generate_series(1, 500) i")
        result = drive(work, lambda _: None)
    assert (result.outcome, result.rows, result.resumable) == ("complete", 2002, False)
    assert result.chunks > 3
    assert as_text(rows(settings)) == before
    read = manifests(settings)
    assert len({chunk["moment"]["snapshot"] for chunk in read}) == 1
    assert (read[0]["bounds"]["after"], read[-1]["bounds"]["upto"]) == (None, None)
    assert read[0]["bounds"]["upto"] == ["public.log", read[0]["bounds"]["upto"][1]]


def test_an_interrupted_one_begins_anew_and_leaves_no_file_behind(settings: Settings, connection):
    with opened(settings, "tests") as database:
        work = take(database, store(settings), "log", capture=settings.capture, limits=settings.continuity)
        next(work)
        next(work)
        work.close()
    assert manifests(settings)
    connection.execute("update log set v = 'later'")
    result = baseline(settings, "log")
    assert (result.version, result.new_chunks) == (1, result.chunks)
    assert as_text(rows(settings)) == live(connection)
    here = {path.name for path in Path(result.place).iterdir()}
    assert here == {"baseline.json"} | {name for c in manifests(settings) for name in (c["file"], c["path"].name)} | {
        f"chunk-{number:06}.json" for number in range(1, result.chunks + 1)
    }
    assert baseline(settings, "log").outcome == "unchanged"


def test_a_removal_that_is_killed_leaves_what_the_next_run_removes(settings: Settings, monkeypatch):
    with opened(settings, "tests") as database:
        work = take(database, store(settings), "log", capture=settings.capture, limits=settings.continuity)
        for _ in range(3):
            next(work)
        work.close()
    assert len(manifests(settings)) >= 3
    remove, removed = Store.remove, []

    def killed(self: Store, name: str) -> None:
        if len(removed) == 3:
            raise KeyboardInterrupt
        removed.append(name)
        remove(self, name)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Store, "remove", killed)
        baseline(settings, "log")
    for chunk in manifests(settings):
        assert chunk["path"].exists()
    assert baseline(settings, "log").rows == 2002


def test_partitions_are_read_one_by_one_and_a_foreign_one_is_refused(settings: Settings, connection):
    connection.execute(
        "create table parts (v text, n int) partition by range (n);"
        " create table low (n int, v text); alter table parts attach partition low for values from (0) to (50);"
        " create table high partition of parts for values from (50) to (100);"
        " insert into parts select 'v' || i, i from generate_series(0, 99) i"
    )
    result = baseline(settings, "parts")
    assert result.rows == 100
    tables = [pq.read_table(chunk["path"]) for chunk in manifests(settings, table="parts")]
    assert sorted(pa.concat_tables(tables).column("n").to_pylist()) == list(range(100))
    connection.execute(
        "create foreign data wrapper elsewhere; create server there foreign data wrapper elsewhere;"
        " create foreign table far partition of parts for values from (100) to (200) server there"
    )
    with pytest.raises(ContinuityError, match="foreign table cannot be read by its blocks"):
        baseline(settings, "parts", refresh=True)


def test_nothing_that_is_redacted_leaks(settings: Settings):
    result = baseline(redacting(settings, "public.log", exclude=("secret",), mask=("v",)), "log")
    assert (result.excluded, result.masked) == (("secret",), ("v",))
    assert b"honeytoken" not in b"".join(path.read_bytes() for path in Path(result.place).iterdir())


def test_a_verification_is_refused_with_the_reason(settings: Settings):
    baseline(settings, "log")
    with pytest.raises(ContinuityError, match="no primary key, so its rows cannot be matched with captured changes"):
        verified(settings, "log")
