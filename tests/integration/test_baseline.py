"""Taking a baseline: resumable, in chunks that are ordered against concurrent writes, leaking nothing."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from tests import threadline_install
from tests.continuity import baseline, capture, found, manifests, redacting, settings_for, verified
from threadline_ops.continuity import readiness, run_baseline, run_verify
from threadline_ops.continuity.baseline import take
from threadline_ops.continuity.store import store
from threadline_ops.database import opened
from threadline_ops.errors import ContinuityError, SettingsError
from threadline_ops.settings import Settings

ROOT = Path(__file__).parents[2]
WRITERS, CHUNKS, ROWS = 6, 20, 1_000  # about a third of the rows is away at any time


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


@pytest.mark.pooled
def test_chunks_cover_every_key_and_say_what_they_saw(settings: Settings, connection: psycopg.Connection):
    result = baseline(settings, "things")
    assert (result.rows, result.chunks, result.outcome, result.origin) == (50, 8, "complete", "primary")
    read = manifests(settings)
    assert read[0]["bounds"]["after"] is None
    assert read[-1]["bounds"]["upto"] is None
    for one, following in itertools.pairwise(read):
        assert one["bounds"]["upto"] == following["bounds"]["after"]
    identity = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
    for chunk in read:
        assert chunk["header"]["system_identifier"] == identity[0]
        assert connection.execute("select %s::pg_snapshot", (chunk["moment"]["snapshot"],)).fetchone()
        assert hashlib.sha256(chunk["path"].read_bytes()).hexdigest() == chunk["sha256"]
    assert rows(settings).column("id").to_pylist() == list(range(1, 51))
    assert rows(settings).column("v").to_pylist() == [f"v{i}" for i in range(1, 51)]


def test_a_finished_baseline_is_left_alone_unless_it_is_refreshed(settings: Settings, connection):
    first = baseline(settings, "things")
    connection.execute("update things set v = 'new' where id = 7")
    again = baseline(settings, "things")
    assert (again.outcome, again.new_chunks, again.version) == ("unchanged", 0, 1)
    fresh = baseline(settings, "things", refresh=True)
    assert (fresh.outcome, fresh.version, fresh.rows) == ("complete", 2, first.rows)
    assert rows(settings).column("v").to_pylist()[6] == "v7", "the old version stays"
    assert rows(settings, 2).column("v").to_pylist()[6] == "new"


def test_an_empty_table_and_exactly_full_manifests(settings: Settings, connection):
    connection.execute("delete from things where id > 49")
    assert baseline(settings, "things").chunks == 8, "seven full ones, and one that proves the end"
    connection.execute("delete from things")
    assert baseline(settings, "things", refresh=True).rows == 0
    assert found(verified(settings, "things")) == set()


def test_text_does_not_depend_on_the_session(audited, connection, tmp_path):
    connection.execute(
        "create table odd (id int primary key, at timestamptz, span interval, raw bytea, f float8, m float4)"
    )
    connection.execute(
        "insert into odd values (1, '2024-03-31 02:30+05:30', '1 mon -2 days', '\\x00ff', 0.1 + 0.2, 1e-7)"
    )
    sums = []
    for number, zone in enumerate(("UTC", "America/New_York")):
        dsn = make_conninfo(
            audited, options=f"-c timezone={zone} -c datestyle=German -c intervalstyle=sql_standard"
            " -c bytea_output=escape -c extra_float_digits=0",
        )  # fmt: skip
        settings = settings_for(dsn, tmp_path / str(number))
        baseline(settings, "odd")
        sums.append([chunk["text_sha256"] for chunk in manifests(settings)])
    assert sums[0] == sums[1]


@pytest.mark.pooled
def test_redacted_columns_never_reach_the_store(settings: Settings, connection: psycopg.Connection):
    redacted = redacting(settings, "public.things", exclude=("secret",), mask=("email",))
    result = baseline(redacted, "things")
    assert (result.excluded, result.masked) == (("secret",), ("email",))
    table = rows(settings)
    assert "secret" not in table.column_names
    assert set(table.column("email").to_pylist()) == {"[REDACTED]"}
    everything = b"".join(path.read_bytes() for path in Path(result.place).iterdir())
    assert b"honeytoken" not in everything
    assert b"@x" not in everything


def test_the_deployed_redaction_holds_although_the_settings_forgot_it(settings: Settings, connection):
    capture(redacting(settings, "public.things", exclude=("secret",), mask=("email",)), "things")
    result = baseline(settings, "things")
    assert (result.excluded, result.masked) == (("secret",), ("email",))
    connection.execute("update things set email = 'other', secret = 'other', v = 'x' where id < 9")
    connection.execute("set session_replication_role = replica")
    connection.execute("update things set email = 'third', secret = 'third' where id < 9")
    result = verified(settings, "things")
    assert found(result) == set(), "what is hidden is not compared"
    assert result.not_compared == ("email", "secret")


@pytest.mark.parametrize("placeholder", ["[REDACTED]", "it's \\ gone", '{"not": "json"}'])
def test_the_deployed_redaction_is_read_back_whatever_columns_are_called(settings: Settings, connection, placeholder):
    names = ("it's", 'a "quote"', "back\\slash", "comma, brace}", "null", "é", "plain")
    columns = ", ".join('"' + name.replace('"', '""') + '" text' for name in names)
    connection.execute(f"create table odd (id int primary key, {columns})")
    rules = {"exclude": names[:3], "mask": names[3:6], "mask_placeholder": placeholder}
    capture(redacting(settings, "public.odd", **rules), "odd")
    connection.execute("alter table odd add column later text")
    result = baseline(settings, "odd")
    assert result.excluded == tuple(sorted(names[:3]))
    assert result.masked == tuple(sorted((*names[3:6], "later"))), "a new column is masked by capture, and by us"


def test_threadlines_own_function_is_read_too(settings: Settings, connection):
    name = "threadline_capture_changes_things"
    connection.execute("drop trigger threadline_audit_things on things")
    connection.execute(threadline_install.function(name, exclude=("secret",), mask=("email",)))
    connection.execute(threadline_install.trigger("things", name))
    result = baseline(settings, "things")
    assert (result.excluded, result.masked) == (("secret",), ("email",))


def test_an_unreadable_capture_function_needs_the_settings_to_speak(settings: Settings, connection):
    connection.execute(
        "create function threadline_capture_changes_things() returns trigger language plpgsql as"
        " $$ begin return null; end $$"
    )
    connection.execute(
        "create or replace trigger threadline_audit_things after insert or update or delete on things"
        " for each row execute function threadline_capture_changes_things()"
    )
    with pytest.raises(ContinuityError, match="cannot be read for its redaction"):
        baseline(settings, "things")
    assert baseline(redacting(settings, "public.things", exclude=("secret",)), "things").rows == 50


@pytest.mark.parametrize(
    ("rules", "table", "message"),
    [
        ({"mask": ("id",)}, "things", "column 'id' of the primary key is excluded or masked"),
        ({}, "nothing", "there is no such table"),
        ({}, "audit_changes", "they are the history"),
        ({}, "part_1", "this is a partition"),
    ],
)
def test_what_cannot_have_a_baseline_is_refused_with_the_reason(settings, connection, rules, table, message):
    connection.execute("create table part (id int primary key) partition by hash (id)")
    connection.execute("create table part_1 partition of part for values with (modulus 1, remainder 0)")
    with pytest.raises(ContinuityError, match=message):
        baseline(redacting(settings, "public.things", **rules), table)


def test_no_store_is_an_error_that_names_the_variable(settings):
    with pytest.raises(SettingsError, match="set THREADLINE_OPS_ARCHIVE_URI"):
        baseline(settings.model_copy(update={"archive_uri": None}), "things")


def test_a_changed_table_ends_an_unfinished_baseline(settings: Settings, connection):
    with opened(settings, "tests") as database:
        limits = settings.continuity
        work = take(database, store(settings), "things", capture=settings.capture, limits=limits)
        next(work)
        work.close()
    connection.execute("alter table things add column added int default 5")
    with pytest.raises(ContinuityError, match="no longer fits the table"):
        baseline(settings, "things")
    assert baseline(settings, "things", refresh=True).version == 2


def test_an_altered_file_is_noticed(settings: Settings):
    baseline(settings, "things")
    path = manifests(settings)[3]["path"]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ContinuityError, match="not the file that its manifest names"):
        verified(settings, "things")


def test_an_altered_manifest_is_noticed(settings: Settings):
    baseline(settings, "things")
    (path,) = Path(settings.archive_uri.get_secret_value()).glob("baseline/*/*/v0001/chunk-000003.json")
    path.write_text(path.read_text().replace('"rows":7', '"rows":6'))
    with pytest.raises(ContinuityError, match="not those that it was closed with"):
        verified(settings, "things")


def test_a_role_that_may_only_select_can_do_all_of_it(settings: Settings, connection, audited):
    connection.execute("create role reader_of_all login password 'p'")
    try:
        connection.execute("grant select on all tables in schema public to reader_of_all")
        reading = settings.model_copy(
            update={"dsn": SecretStr(make_conninfo(audited, user="reader_of_all", password="p"))}
        )
        assert run_baseline(reading, "things").result.rows == 50
        connection.execute("update things set v = 'x' where id = 1")
        assert run_verify(reading, "things").result.gaps == 0
        with opened(reading, "tests") as database:
            assert readiness(database, ["things"], reading)[0].ready
    finally:
        connection.execute("drop owned by reader_of_all; drop role reader_of_all")
