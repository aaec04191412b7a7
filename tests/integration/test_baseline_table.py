"""A baseline whose rows also go into the suite's own table."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests.audit import count
from tests.continuity import capture, manifests, redacting, settings_for
from threadline_ops.continuity import run_baseline, run_verify, store, take
from threadline_ops.continuity.copies import RowsTable
from threadline_ops.database import opened
from threadline_ops.errors import DatabaseError
from threadline_ops.settings import Settings

ROWS = "select row_data from threadline_ops.baseline_rows where table_name = 'things' and version = %s order by chunk"


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    connection.execute(
        "create table things (id int primary key, v text, f float8, at timestamptz, secret text, p text)"
    )
    connection.execute(
        "insert into things select i, 'v' || i, case i when 3 then 'NaN' else i::float8 end, '2024-01-01Z', 'honeytoken', 'p'"
        " from generate_series(1, 20) i"
    )
    made = settings_for(audited, tmp_path, target="table")
    capture(made, "things")
    return redacting(made, "public.things", exclude=("secret",), mask=("p",))


@pytest.mark.pooled
def test_the_rows_are_in_both_and_redacted_in_both(settings: Settings, connection: psycopg.Connection):
    assert run_baseline(settings, "things").result.rows == 20
    found = {row["id"]: row for (row,) in connection.execute(ROWS, (1,))}
    assert sorted(found) == list(range(1, 21))
    assert found[3] == {"id": 3, "v": "v3", "f": "NaN", "at": "2024-01-01T00:00:00+00:00", "p": "[REDACTED]"}
    assert count(connection, "audit_changes") == 0
    run_baseline(settings, "things", refresh=True)
    assert len(connection.execute(ROWS, (1,)).fetchall()) == len(connection.execute(ROWS, (2,)).fetchall()) == 20
    assert run_verify(settings, "things").result.gaps == 0


def test_what_an_unfinished_chunk_wrote_is_replaced(settings: Settings, connection):
    with opened(settings, "tests") as database, opened(settings, "tests") as writing:
        copies = RowsTable(writing)
        copies.prepare()
        work = take(
            database, store(settings), "things", capture=settings.capture, limits=settings.continuity, copies=copies
        )  # fmt: skip
        next(work)
        work.close()
    kept = len(manifests(settings))
    # As if killed between the rows and the manifest that announces them.
    connection.execute(
        "insert into threadline_ops.baseline_rows values ('public', 'things', 1, %s, now(), '{}')", (kept + 1,)
    )
    assert run_baseline(settings, "things").result.new_chunks == 3 - kept
    assert sorted(row["id"] for (row,) in connection.execute(ROWS, (1,))) == list(range(1, 21))


def test_a_role_that_may_only_read_is_told_before_anything_is_read(settings: Settings, connection, audited):
    connection.execute("create role only_reads login password 'p'")
    connection.execute("grant select on all tables in schema public to only_reads")
    try:
        reading = settings.model_copy(
            update={"dsn": SecretStr(make_conninfo(audited, user="only_reads", password="p"))}
        )
        with pytest.raises(DatabaseError, match="lacks a privilege"):
            run_baseline(reading, "things")
        assert manifests(settings) == []
    finally:
        connection.execute("drop owned by only_reads; drop role only_reads")
