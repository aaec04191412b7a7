"""Parquet exports: exact, whole or absent, resumable."""

import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pandas as pd
import polars
import psycopg
import pyarrow.parquet as pq
import pytest

from tests.audit import bulk, settings_for
from tests.awkward import START, add, fill
from threadline_ops import columnar
from threadline_ops.errors import DatabaseError, ExportError
from threadline_ops.export import ExportRequest, Filters, PartWritten, export_parquet, run_export, transactions
from threadline_ops.export import plan as planning
from threadline_ops.export import reader as reading
from threadline_ops.settings import Settings

pytestmark = pytest.mark.pooled

ROOT = Path(__file__).parents[2]
ALL = """
select c.id, c.transaction_id, c.table_schema, c.table_name, c.op, c.captured_at, c.table_pk::text, c.data_after::text,
    c.changed_fields, c.changed_from::text, t.txid, t.occurred_at, t.actor_ref::text, t.source, t.meta::text,
    a.id, a.correlation_id, a.name, a.status, a.reason
from audit_changes c join audit_transactions t on t.id = c.transaction_id
    left join audit_actions a on a.id = t.action_id
order by c.captured_at, c.id
"""


@pytest.fixture
def settings(audited: str, tmp_path: Path) -> Settings:
    return settings_for(audited, tmp_path / "evidence")


@pytest.fixture(params=["pages", "joined"])
def small_parts(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Several parts and tables from few rows: in pages of changes alone, or as where no page fits into memory."""
    monkeypatch.setattr(planning, "SMALLEST_PART", 100)
    monkeypatch.setattr(planning, "LARGEST_PART", 100)
    if request.param == "pages":
        monkeypatch.setattr(reading, "PAGE_ROWS", 17)
    else:
        monkeypatch.setattr(columnar, "BATCH_BYTES", 4_096)


def rows_of(folder: Path) -> list[tuple[Any, ...]]:
    manifest = json.loads((folder / "_manifest.json").read_text())
    rows: list[tuple[Any, ...]] = []
    for file in manifest["files"]:
        table = pq.ParquetFile(folder / file["name"]).read()
        assert table.num_rows == file["rows"]
        rows += [tuple(row.values()) for row in table.to_pylist()]
    assert len(rows) == manifest["rows"] == sum(manifest["tables"].values())
    return rows


def expected(connection: psycopg.Connection, statement: str = ALL) -> list[tuple[Any, ...]]:
    return connection.execute(statement).fetchall()


def test_awkward_values_arrive_exactly(settings, connection, tmp_path):
    fill(connection)
    report = run_export(settings, ExportRequest(str(tmp_path / "out")))
    assert rows_of(tmp_path / "out") == expected(connection)
    assert report.result.rows == 9
    assert not (tmp_path / "out.partial").exists()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["_manifest.json", "part-00000.parquet"]
    assert json.loads(report.evidence.read_text())["figures"]["rows"] == 9


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("readers", [1, 3])
def test_many_parts_hold_every_change_once_in_order(settings, connection, tmp_path, readers):
    bulk(connection, transactions=200, per_transaction=5, days=30, now=datetime.now(UTC))
    connection.execute(
        "update audit_changes set captured_at = '2026-01-01Z' where captured_at < now() - interval '20 days'"
    )
    report = run_export(settings, ExportRequest(str(tmp_path / "out"), readers=readers))
    assert len(report.result.files) > 3
    assert rows_of(tmp_path / "out") == expected(connection), "and in this order, through a run of 300 equal times"


@pytest.mark.parametrize("wanted_a_block", [0, 10**9], ids=["by place", "by name"])
def test_transactions_and_actions_are_found_wherever_they_lie(
    settings, connection, tmp_path, monkeypatch, wanted_a_block
):
    """Several transactions share an action, some have none, and the action of some has been lost."""
    bulk(connection, transactions=300, per_transaction=2, days=3, now=datetime.now(UTC))
    connection.execute(
        """
        with made as (
            insert into audit_actions (name, actor_ref, status, correlation_id)
            select 'move', '{"type": "anonymous"}', 'ok', 'corr-' || n from generate_series(1, 40) as n returning id
        ),
        numbered as (select id, row_number() over () as n from made)
        update audit_transactions as t set action_id = numbered.id from numbered where numbered.n = -t.txid % 50
        """
    )
    connection.execute("alter table audit_transactions drop constraint audit_transactions_action_id_fkey")
    connection.execute("delete from audit_actions where correlation_id = 'corr-7'")
    connection.execute("update audit_transactions set meta = '{}' where left(id::text, 1) < '5'")
    monkeypatch.setattr(transactions, "WANTED_A_BLOCK", wanted_a_block)
    monkeypatch.setattr(transactions, "AROUND", 0)
    monkeypatch.setattr(transactions, "SAMPLE", 2)
    run_export(settings, ExportRequest(str(tmp_path / "out")))
    assert rows_of(tmp_path / "out") == expected(connection)


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "294276-12-31 23:59:59Z"])
@pytest.mark.parametrize("table", ["audit_changes", "audit_transactions"])
def test_a_time_that_parquet_cannot_hold_is_refused(settings, connection, tmp_path, moment, table):
    bulk(connection, transactions=3, per_transaction=1, days=1, now=datetime.now(UTC))
    column = "captured_at" if table == "audit_changes" else "occurred_at"
    connection.execute(f"update {table} set {column} = '{moment}' where id in (select id from {table} limit 1)")
    with pytest.raises(DatabaseError, match="infinite, or later"):
        run_export(settings, ExportRequest(str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("conforming", ["on", "off"])
@pytest.mark.parametrize(
    "name", ["o'clock", "a\\", "\\'; drop table audit_changes; --", "%(table)s %% {audit}", "grün ☃", '"']
)
def test_filters_are_values_whatever_they_hold(settings, connection, tmp_path, name, conforming):
    bulk(connection, transactions=5, per_transaction=2, days=3, now=datetime.now(UTC))
    connection.execute(f"alter database {connection.info.dbname} set standard_conforming_strings = {conforming}")
    one = "update audit_changes set table_name = %s where id = (select id from audit_changes limit 1)"
    connection.execute(one, (name,))
    report = run_export(settings, ExportRequest(str(tmp_path / "out"), Filters(table=name)))
    assert report.result.rows == 1
    assert rows_of(tmp_path / "out")[0][3] == name


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("which", ["true", "left(id::text, 1) < '8'"], ids=["all", "some"])
def test_changes_without_their_transaction_are_not_exported_as_if_nothing_were_missing(
    settings, connection, tmp_path, which
):
    bulk(connection, transactions=60, per_transaction=2, days=3, now=datetime.now(UTC))
    connection.execute("alter table audit_changes drop constraint audit_changes_transaction_id_fkey")
    connection.execute(f"delete from audit_transactions where {which}")
    with pytest.raises(ExportError, match="transactions that do not exist"):
        run_export(settings, ExportRequest(str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_pages_follow_one_another_from_the_first_moment_of_all_on(settings, connection, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "PAGE_ROWS", 1)
    moments = (
        "4714-11-24 00:00:00Z BC",
        "0044-03-15 11:59:59.999999Z BC",
        "1969-12-31 23:59:59.999999Z",
        "1970-01-01 00:00:00Z",
        "2026-05-01 12:34:56.000001Z",
        "12026-05-01 12:34:56.789Z",
        "294246-12-31 23:59:59.999999Z",
    )
    bulk(connection, transactions=len(moments), per_transaction=1, days=1, now=datetime.now(UTC))
    ids = [row[0] for row in connection.execute("select id from audit_changes").fetchall()]
    for identity, moment in zip(ids, moments, strict=True):
        connection.execute("update audit_changes set captured_at = %s where id = %s", (moment, identity))
    run_export(settings, ExportRequest(str(tmp_path / "out")))
    table = pq.ParquetFile(tmp_path / "out" / "part-00000.parquet").read(columns=["id", "captured_at"])
    assert [UUID(bytes=value.as_py().bytes) for value in table["id"]] == ids
    rendered = connection.execute("select extract(epoch from captured_at) * 1000000 from audit_changes order by 1")
    assert table["captured_at"].cast("int64").to_pylist() == [int(row[0]) for row in rendered]


def test_readers_of_others_see_the_types(settings, connection, tmp_path):
    fill(connection)
    run_export(settings, ExportRequest(str(tmp_path / "out")))
    file = str(tmp_path / "out" / "part-00000.parquet")
    frame = pd.read_parquet(tmp_path / "out")
    assert str(frame["captured_at"].dtype) == "datetime64[us, UTC]"
    assert [str(value) for value in frame["id"]] == [str(row[0]) for row in expected(connection)]
    with duckdb.connect() as duck:
        kinds = {name: kind for name, kind, *_ in duck.execute(f"describe select * from '{file}'").fetchall()}
    assert {kinds["id"], kinds["action_id"]} == {"UUID"}
    assert {kinds["data_after"], kinds["table_pk"], kinds["actor_ref"]} == {"JSON"}
    assert kinds["captured_at"] == "TIMESTAMP WITH TIME ZONE"
    assert kinds["changed_fields"] == "VARCHAR[]"
    schema = polars.read_parquet(tmp_path / "out" / "*.parquet").schema
    assert schema["captured_at"] == polars.Datetime("us", "UTC")
    assert schema["changed_fields"] == polars.List(polars.String)
    metadata = pq.ParquetFile(file).metadata
    assert b"threadline_ops.snapshot" in metadata.metadata
    group = metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert columns["captured_at"].statistics.has_min_max
    assert columns["table_name"].bloom_filter_offset
    assert columns["data_after"].compression == "ZSTD"


def test_hive_folders_split_by_day_and_table(settings, connection, tmp_path):
    fill(connection)
    run_export(settings, ExportRequest(str(tmp_path / "out"), hive=True))
    folders = sorted(str(path.parent.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.parquet"))
    assert "date=2026-05-01/table=flights" in folders
    assert "date=2026-05-02/table=planes" in folders
    assert (pd.read_parquet(tmp_path / "out", filters=[("table", "==", "planes")])["table_name"] == "planes").all()
    assert sorted(rows_of(tmp_path / "out"), key=str) == sorted(expected(connection), key=str)


@pytest.mark.parametrize(
    ("filters", "clause"),
    [
        (Filters(table="planes"), "c.table_name = 'planes'"),
        (Filters(actor_ref={"type": "anonymous"}), """t.actor_ref @> '{"type": "anonymous"}'"""),
        (Filters(correlation_id="corr-1"), "a.correlation_id = 'corr-1'"),
        (Filters(since=START + timedelta(microseconds=4), until=START + timedelta(microseconds=8)),
         "c.captured_at between '2026-05-01 23:59:59.999994Z' and '2026-05-01 23:59:59.999998Z'"),
        (Filters(table="planes", correlation_id="nobody"), "false"),
    ],
)  # fmt: skip
def test_filters_select_the_same_as_sql(settings, connection, tmp_path, filters, clause):
    fill(connection)
    run_export(settings, ExportRequest(str(tmp_path / "out"), filters=filters))
    assert rows_of(tmp_path / "out") == expected(connection, ALL.replace("order by", f"where {clause} order by"))


def test_an_unknown_table_gives_an_empty_export_and_near_names(settings, connection, tmp_path):
    fill(connection)
    report = run_export(settings, ExportRequest(str(tmp_path / "out"), filters=Filters(table="fligths")))
    assert report.result.rows == 0
    assert report.result.near_names == ("flights",)
    assert pd.read_parquet(tmp_path / "out" / "part-00000.parquet").empty


@pytest.mark.usefixtures("small_parts")
def test_a_busy_writer_does_not_show(settings, connection, audited, tmp_path):
    bulk(connection, transactions=200, per_transaction=5, days=30, now=datetime.now(UTC))
    before = expected(connection)
    operation = export_parquet(settings, Filters(), str(tmp_path / "out"))
    next(operation)  # the snapshot is taken
    with psycopg.connect(audited, autocommit=True, prepare_threshold=None) as writer:
        for _ in operation:
            writer.execute("delete from audit_changes where id in (select id from audit_changes order by id limit 40)")
            writer.execute("update audit_changes set op = 'insert' where op = 'delete'")
            add(writer, data={"late": 1}, at=datetime(2020, 1, 1, tzinfo=UTC))
    assert rows_of(tmp_path / "out") == before


def stopped(settings: Settings, location: Path, parts: int) -> None:
    """An export that ends after so many parts."""
    operation = export_parquet(settings, Filters(), str(location))
    for _ in itertools.islice((event for event in operation if isinstance(event, PartWritten)), parts):
        pass
    operation.close()


@pytest.mark.usefixtures("small_parts")
def test_resuming_gives_what_the_first_snapshot_saw(settings, connection, tmp_path):
    connection.execute("select txid_current()")
    bulk(connection, transactions=100, per_transaction=5, days=30, now=datetime.now(UTC))
    before = expected(connection)
    stopped(settings, tmp_path / "out", 2)
    assert not (tmp_path / "out").exists()
    current = connection.execute("select txid_current()").fetchone()[0]
    connection.execute("update audit_transactions set txid = txid", ())
    late = add(connection, data={"late": 1}, at=START)
    connection.execute(
        "update audit_transactions set txid = %s where id = (select transaction_id from audit_changes where id = %s)",
        (current + 10, late),
    )
    with pytest.raises(ExportError, match="unfinished export"):
        run_export(settings, ExportRequest(str(tmp_path / "out")))
    with pytest.raises(ExportError, match="something else"):
        run_export(settings, ExportRequest(str(tmp_path / "out"), hive=True, resume=True))
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out.partial").glob("*.parquet")}
    run_export(settings, ExportRequest(str(tmp_path / "out"), resume=True))
    assert rows_of(tmp_path / "out") == before
    kept = [name for name, time in finished.items() if (tmp_path / "out" / name).stat().st_mtime_ns == time]
    assert len(kept) >= 2, "finished files are reused"


@pytest.mark.usefixtures("small_parts")
def test_resuming_after_a_purge_is_refused(settings, connection, tmp_path):
    bulk(connection, transactions=100, per_transaction=5, days=30, now=datetime.now(UTC))
    stopped(settings, tmp_path / "out", 1)
    connection.execute("delete from audit_changes where id in (select id from audit_changes limit 3)")
    with pytest.raises(ExportError, match="500 changes, of which 497"):
        run_export(settings, ExportRequest(str(tmp_path / "out"), resume=True))


#: Exports in forks of one process, which has imported everything: for each line "location kill_at", that fork kills
#: itself at that step, and the answer is how it ended and how many steps it took.
CHILDREN = """
import os, sys
from threadline_ops import columnar, settings
from threadline_ops.export import Filters, export_parquet, plan
plan.SMALLEST_PART = plan.LARGEST_PART = 100
columnar.BATCH_BYTES = 4096
count = 0
def step():
    global count
    count += 1
    if count == kill_at:
        os.kill(os.getpid(), 9)
for name in ("fsync", "replace", "rename"):
    real = getattr(os, name)
    def wrapped(*a, real=real):
        step()
        real(*a)
        step()
    setattr(os, name, wrapped)
for line in sys.stdin:
    location, kill_at = line.rsplit(" ", 1)
    kill_at = int(kill_at)
    receiving, sending = os.pipe()
    if not (child := os.fork()):
        for _ in export_parquet(settings.load(), Filters(), location, resume=True, readers=1):
            pass
        os.write(sending, str(count).encode())
        os._exit(0)
    os.close(sending)
    _, status = os.waitpid(child, 0)
    steps = os.read(receiving, 100).decode() or "0"
    os.close(receiving)
    print(os.waitstatus_to_exitcode(status), steps, flush=True)
"""


@pytest.fixture
def children(settings: Settings, tmp_path: Path) -> Iterator[Callable[[Path, int], tuple[int, int]]]:
    """Runs an export that is killed at a step, 0 for never: its exit code, and its steps."""
    assert settings.dsn
    with subprocess.Popen(
        [sys.executable, "-c", CHILDREN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env=os.environ | {"THREADLINE_OPS_DSN": settings.dsn.get_secret_value(), "PYTHONPATH": str(ROOT)},
    ) as process:  # fmt: skip

        def run(location: Path, kill_at: int) -> tuple[int, int]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{location} {kill_at}\n")
            process.stdin.flush()
            code, steps = process.stdout.readline().split()
            return int(code), int(steps)

        yield run


@pytest.mark.thorough
def test_killed_at_every_step_nothing_is_half_published_and_resume_completes(children, connection, tmp_path):
    bulk(connection, transactions=30, per_transaction=5, days=30, now=datetime.now(UTC))
    before = expected(connection)
    code, steps = children(tmp_path / "whole", 0)
    assert code == 0
    assert steps > 10
    assert rows_of(tmp_path / "whole") == before
    for kill_at in range(1, steps + 1):
        location = tmp_path / f"killed-{kill_at}"
        assert children(location, kill_at) == (-signal.SIGKILL, 0)
        if location.exists():
            assert rows_of(location) == before, "published means complete"
            continue
        assert children(location, 0)[0] == 0
        assert rows_of(location) == before
        assert not location.with_name(location.name + ".partial").exists()
        for name in ("part-00000.parquet", "part-00001.parquet"):
            assert pq.read_table(location / name).equals(pq.read_table(tmp_path / "whole" / name))


def test_a_terminated_command_publishes_nothing(settings, connection, tmp_path):
    bulk(connection, transactions=20_000, per_transaction=5, days=30, now=datetime.now(UTC))
    assert settings.dsn
    process = subprocess.Popen(
        [sys.executable, "-m", "threadline_ops", "export", "-o", str(tmp_path / "out"), "--readers", "1"],
        env=os.environ | {"THREADLINE_OPS_DSN": settings.dsn.get_secret_value(), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    books = tmp_path / "out.partial" / "_export"
    gate = threading.Event()
    for _ in range(2000):
        if books.exists() and any(books.glob("part-*.json")):
            break
        gate.wait(0.01)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1, told
    assert "nothing was published" in told
    assert not (tmp_path / "out").exists()


def run_alone(settings: Settings, location: Path, last: str) -> str:
    """Export by a new process with the defaults, then run one more statement there; what it printed."""
    script = (
        "import sys; from threadline_ops import settings; from threadline_ops.export import *;"
        f"list(export_parquet(settings.load(), Filters(), sys.argv[1])); {last}"
    )
    assert settings.dsn
    return subprocess.run(
        [sys.executable, "-c", script, str(location)], check=True, capture_output=True, text=True, timeout=120,
        env=os.environ | {"THREADLINE_OPS_DSN": settings.dsn.get_secret_value(), "PYTHONPATH": str(ROOT)},
        cwd=location.parent,
    ).stdout  # fmt: skip


def test_pandas_stays_out_of_an_export(settings, connection, tmp_path):
    """pyarrow imports it where one of its values might be meant: 40 MB in every exporting process."""
    fill(connection)
    assert run_alone(settings, tmp_path / "out", "print('pandas' in sys.modules)") == "False\n"
    assert rows_of(tmp_path / "out") == expected(connection)


@pytest.mark.thorough
def test_memory_stays_bounded_with_large_values(settings, connection, tmp_path):
    connection.execute(
        """
        with made as (insert into audit_transactions (txid) select n from generate_series(1, 300) n returning id, txid)
        insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, data_after)
        select id, 'public', 'files', '{"id": 1}', 'insert',
            jsonb_build_object('v', (select string_agg(md5(txid::text || i), '') from generate_series(1, 31250) i))
        from made
        """
    )
    # Not ru_maxrss: that begins with the peak of the process that forked this one.
    peak = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    used = run_alone(settings, tmp_path / "out", peak)
    assert int(used) / 1024 < 300, "MB, for 300 MB of values"
    assert rows_of(tmp_path / "out") == expected(connection)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[None]:
    """A limit on file sizes stands in for a disk that fills: writes fail in the middle of a file."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing(settings, connection, tmp_path, tiny_disk):
    fill(connection)
    operation = export_parquet(settings, Filters(), str(tmp_path / "disk" / "out"))
    next(operation)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, old[1]))
    try:
        with pytest.raises(ExportError, match="cannot be written"):
            list(operation)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list((tmp_path / "disk").iterdir()) == []


def test_bad_places_are_clear_errors(settings, connection, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("")
    for place, part in {
        str(tmp_path / "file" / "out"): "a part of the path is a file",
        str(tmp_path / "taken"): "exists already",
        "s3://": "names no bucket",
        "s3://key:secret@bucket/x": "carries credentials",
        "carrier-pigeon://coop/x": "scheme",
    }.items():
        with pytest.raises(Exception, match=part) as caught:
            run_export(settings, ExportRequest(place))
        assert "secret" not in str(caught.value)
    assert not list(tmp_path.glob("*.partial"))
