"""The archive as an Iceberg table: the same files, in place, and always what the chain says."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.table import Table

from tests import awkward, iceberg
from tests.archive import END, Rows, archive_settings, history, live, purged, written
from threadline_ops.archive import draft, run_verify, write
from threadline_ops.archive.query import Trail
from threadline_ops.archive.retire import run_retire
from threadline_ops.archive.rows import Question
from threadline_ops.database import opened
from threadline_ops.errors import ArchiveError, SettingsError
from threadline_ops.export import schema as exported
from threadline_ops.settings import Settings


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path) -> Settings:
    history(connection)
    return archive_settings(audited, tmp_path, archive={"format": "iceberg"})


def archived(settings: Settings) -> set[str]:
    """Ids of all archived rows, as a query of the archive finds them."""
    with opened(settings, "test") as database:
        return {str(row["id"]) for day in Trail(settings, database).archived(Question()) for row in day}


def test_the_table_shows_the_files_in_place(settings: Settings, connection: psycopg.Connection):
    awkward.fill(connection)
    before = live(connection)
    report = written(settings)
    place = Path(settings.archive.directory)
    assert iceberg.files(settings) == sorted(str(p.relative_to(place)) for p in place.glob("days/*/*/*.parquet"))
    assert not list(place.glob("iceberg/**/*.parquet")), "no second copy"
    assert iceberg.rows(settings) == before
    assert iceberg.duck(settings) == before, "another implementation reads it, without our catalog"
    with iceberg.table(settings) as table:
        location = table.metadata_location
        day = report.days[0].day.isoformat()
        one = table.scan(row_filter=f"captured_at < '{day}T23:59:59.999999+00:00'").plan_files()
        assert {day in task.file.file_path for task in one} == {True}, "pruned by day"
    assert not written(settings).days
    with iceberg.table(settings) as table:
        assert table.metadata_location == location, "nothing to say, nothing said"
    assert purged(settings).result.outcome == "complete"
    assert not live(connection)
    assert iceberg.rows(settings) == before
    assert not run_verify(settings, live=True).problems


def test_another_version_takes_the_place_of_the_first(settings: Settings, connection: psycopg.Connection):
    before = live(connection)
    day = written(settings).days[1].day
    written(settings, days=(day,), again=True)
    assert [name for name in iceberg.files(settings) if str(day) in name] == [f"days/{day}/v2/part-00000.parquet"]
    assert iceberg.rows(settings) == before
    assert not run_verify(settings).problems


def test_what_only_an_earlier_version_has_stays_in_the_table(settings: Settings, connection: psycopg.Connection):
    """A part of a day was purged, then the day was archived again: the other part alone."""
    settings = settings.model_copy(update={"archive": settings.archive.model_copy(update={"slice_rows": 2})})
    written(settings)
    before = live(connection)
    assert purged(settings, max_batches=1).result.outcome == "capped"
    oldest = min(live(connection).values(), key=lambda row: row[5])
    connection.execute("update audit_changes set data_after = '{\"v\": 2}' where id = %s", (oldest[0],))
    assert purged(settings).result.outcome == "differs"
    report = written(settings)
    assert [day.version for day in report.days] == [2]
    expected: Rows = before | {oldest[0]: (*oldest[:7], '{"v": 2}', *oldest[8:])}
    assert iceberg.rows(settings) == expected
    assert iceberg.duck(settings) == expected
    assert set(expected) == archived(settings)
    (copy,) = Path(settings.archive.directory).glob("iceberg/copies/*")
    assert pq.read_table(copy).num_rows == 2, "only the slice that went"
    assert not run_verify(settings).problems
    content = bytearray(copy.read_bytes())
    copy.unlink()
    assert [p.kind for p in run_verify(settings).problems] == ["iceberg"]
    copy.write_bytes(content)
    assert purged(settings).result.outcome == "complete"
    assert iceberg.rows(settings) == expected


def test_what_the_archive_lets_go_leaves_the_table(settings: Settings, connection: psycopg.Connection):
    before = live(connection)
    days = [day.day for day in written(settings).days]
    keep = (END.today().date() - days[-1]).days
    short = settings.model_copy(update={"archive": settings.archive.model_copy(update={"keep_days": keep})})
    assert len(run_retire(short, execute=True).retired) == len(days) - 1
    assert iceberg.rows(short) == {name: row for name, row in before.items() if row[5].date() == days[-1]}
    with iceberg.table(short) as table:
        assert len(table.snapshots()) == 1, "no snapshot names files that are gone"
    assert not run_verify(short).problems


def forget(table: Table, place: Path) -> None:
    with table.transaction() as transaction, transaction.update_snapshot().overwrite() as changes:
        changes.delete_data_file(next(iter(table.scan().plan_files())).file)


def smuggle(table: Table, place: Path) -> None:
    file = next(place.glob("days/*/*/*.parquet"))
    shutil.copy(file, place / "foreign.parquet")
    table.add_files([f"file://{place}/foreign.parquet"])


def double(table: Table, place: Path) -> None:
    file = next(iter(table.scan().plan_files())).file.file_path
    with table.transaction() as transaction, transaction.update_snapshot().fast_append() as changes:
        changes.append_data_file(parquet_file_to_data_file(table.io, table.metadata, file))


def rewrite(table: Table, place: Path) -> None:
    """As an engine deletes a row: another file in the place of ours."""
    file = next(iter(table.scan().plan_files())).file
    ours = pq.read_table(file.file_path.removeprefix("file://"))
    pq.write_table(ours.slice(1), place / "rewritten.parquet")
    with table.transaction() as transaction, transaction.update_snapshot().overwrite() as changes:
        changes.delete_data_file(file)
        changes.append_data_file(
            parquet_file_to_data_file(table.io, table.metadata, f"file://{place}/rewritten.parquet")
        )


WRONG: dict[str, tuple[Callable[[Table, Path], None], set[str]]] = {
    "a day is lacking": (forget, {"does not show"}),
    "a foreign file": (smuggle, {"no manifest names"}),
    "a file twice": (double, {"otherwise"}),
    "a row deleted": (rewrite, {"does not show", "no manifest names"}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_table_that_shows_something_else_is_named_and_mended(
    name: str, settings: Settings, connection: psycopg.Connection
):
    written(settings)
    wrong, told = WRONG[name]
    with iceberg.table(settings) as table:
        wrong(table, Path(settings.archive.directory))
    problems = run_verify(settings).problems
    assert {p.kind for p in problems} == {"iceberg"}
    assert all(any(word in p.text for p in problems) for word in told)
    assert len(problems) == len(told)
    written(settings)
    assert not run_verify(settings).problems
    assert iceberg.rows(settings) == live(connection)


def test_days_from_before_are_shown_too(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
):
    """Files whose JSON is marked as such, which Iceberg's readers refuse: their rows are shown from copies."""
    with monkeypatch.context() as earlier:
        earlier.setattr(draft, "SCHEMA", exported.SCHEMA)
        earlier.setattr(draft, "stored", lambda table: table)
        earlier.setattr(write, "SCHEMA_VERSION", 1)
        plain = settings.model_copy(update={"archive": settings.archive.model_copy(update={"format": "parquet"})})
        days = written(plain).days
    assert not run_verify(plain, live=True).problems
    written(settings)
    assert [name.split("/")[:2] for name in iceberg.files(settings)] == [["iceberg", "copies"]] * len(days)
    assert iceberg.rows(settings) == live(connection)
    assert purged(settings).result.outcome == "complete"
    assert not run_verify(settings, live=True).problems


def test_a_catalog_in_a_database(settings: Settings, connection: psycopg.Connection, database: str):
    parts = conninfo_to_dict(database)
    settings = settings.model_copy(
        update={
            "iceberg_catalog": SecretStr(
                f"postgresql://{parts['user']}:{parts.get('password', '')}@/{parts['dbname']}"
                f"?host={parts['host']}&port={parts.get('port', 5432)}"
            )
        }
    )
    written(settings)
    assert iceberg.rows(settings) == live(connection)
    assert not (Path(settings.archive.directory) / "iceberg/catalog.db").exists()
    wrong = SecretStr("postgresql://nobody:hunter2hunter2@127.0.0.1:1/none")
    lost = settings.model_copy(update={"iceberg_catalog": wrong})
    before = live(connection)
    with pytest.raises(ArchiveError, match="Iceberg table cannot be reached") as refusal:
        purged(lost)
    assert live(connection) == before, "what readers of the table may not see yet stays live"
    assert [p.kind for p in run_verify(lost).problems] == ["iceberg"]
    told = str(refusal.value) + "".join(
        p.read_text(errors="replace") for p in settings.evidence.directory.rglob("*.json")
    )
    assert "hunter2" not in told


def test_a_table_of_another_archive_is_left_alone(settings: Settings, tmp_path: Path):
    written(settings)
    other = settings.archive.model_copy(update={"directory": str(tmp_path / "other")})
    catalog = SecretStr(f"sqlite:///{settings.archive.directory}/iceberg/catalog.db")
    elsewhere = settings.model_copy(update={"archive": other, "iceberg_catalog": catalog})
    files = iceberg.files(settings)
    with psycopg.connect(settings.dsn.get_secret_value(), autocommit=True) as connection:
        connection.execute("truncate threadline_ops.archive_entries")
    with pytest.raises(ArchiveError, match="not this archive's"):
        written(elsewhere)
    assert iceberg.files(settings) == files


def test_without_the_engine(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr("threadline_ops.archive.iceberg.face")
    monkeypatch.setitem(sys.modules, "threadline_ops.archive.iceberg.face", None)
    with pytest.raises(SettingsError, match="install threadline-ops\\[iceberg\\]"):
        written(settings)
