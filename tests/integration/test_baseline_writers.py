"""Chunks that are read while others write: every change is put on the right side of its chunk."""

from __future__ import annotations

import random
import threading

import psycopg
import pyarrow.parquet as pq

from tests.audit import count
from tests.continuity import capture, found, manifests, settings_for, verified
from threadline_ops.continuity import store, take
from threadline_ops.database import opened
from threadline_ops.progress import drive
from threadline_ops.settings import Settings

WRITERS, CHUNKS, ROWS = 6, 20, 1_000  # about a third of the rows is away at any time


def _write(dsn: str, seed: int, stop: threading.Event, done: list[int]) -> None:
    chance = random.Random(seed)
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not stop.is_set():
            with connection.transaction():
                # Several rows in key order, so that transactions overlap chunks and never deadlock.
                for number in sorted(chance.sample(range(1, ROWS + 200), 4)):
                    statement = chance.choice(
                        [
                            "update busy set v = v + 1, t = %(t)s where id = %(id)s",
                            "update busy set v = v + 1, t = %(t)s where id = %(id)s",
                            "delete from busy where id = %(id)s",
                            "insert into busy values (%(id)s, 0, %(t)s) on conflict do nothing",
                        ]
                    )
                    connection.execute(statement, {"id": number, "t": str(chance.random())})
            done[seed] += 1


def test_chunks_under_concurrent_writers_are_ordered_exactly(audited, connection, tmp_path):
    connection.execute("create table busy (id int primary key, v int, t text)")
    connection.execute("insert into busy select i, 0, 'start' from generate_series(1, %s) i", (ROWS,))
    settings = settings_for(audited, tmp_path, chunk_rows=ROWS // CHUNKS * 3 // 5)
    capture(settings, "busy")
    stop, done = threading.Event(), [0] * WRITERS
    writers = [threading.Thread(target=_write, args=(audited, n, stop, done)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        with opened(settings, "tests") as database:

            def keep_pace() -> None:
                """Let the writers get on by some transactions between chunks."""
                goal = sum(done) + 40
                while sum(done) < goal and all(writer.is_alive() for writer in writers):
                    stop.wait(0.001)

            work = take(
                database, store(settings), "busy",
                capture=settings.capture, limits=settings.continuity, before_chunk=keep_pace,
            )  # fmt: skip
            result = drive(work, lambda _: None)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert result.chunks >= CHUNKS
    changes = count(connection, "audit_changes")
    assert changes > 2_000
    assert found(verified(settings, "busy")) == set()
    assert _replayed(settings, connection) == dict(connection.execute("select id, (v, t)::text from busy"))


def _replayed(settings: Settings, connection: psycopg.Connection) -> dict[int, str]:
    """The rows by the server's own reckoning, change by change, without any of the code under test."""
    state: dict[int, str] = {}
    ends: list[tuple[int, str]] = []
    for chunk in manifests(settings):
        upto = chunk["bounds"]["upto"]
        ends.append((int(upto[0]) if upto else 10**9, chunk["moment"]["snapshot"]))
        for row in pq.read_table(chunk["path"]).to_pylist():
            state[row["id"]] = f"({row['v']},{row['t']})"
    connection.execute("create temp table ends (upto int, snapshot pg_snapshot)")
    for end in ends:
        connection.execute("insert into ends values (%s, %s)", end)
    replay = connection.execute(
        """
        select (c.table_pk ->> 'id')::int, c.op, '(' || (c.data_after ->> 'v') || ',' || (c.data_after ->> 't') || ')'
        from audit_changes c join audit_transactions x on x.id = c.transaction_id
        where not pg_visible_in_snapshot(
            x.txid::text::xid8,
            (select snapshot from ends where upto >= (c.table_pk ->> 'id')::int order by upto limit 1)
        )
        order by c.captured_at
        """
    )
    for number, operation, row in replay:
        if operation == "delete":
            state.pop(number, None)
        else:
            state[number] = row
    return state
