"""Example blocks do what their page says: Python runs on a real database, settings load, run config fits its job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import sqlalchemy
import yaml

from jobs.definitions import defs
from tests.docs.examples import Example, blocks
from threadline_ops import evidence, settings
from threadline_ops.errors import SettingsError
from threadline_ops.evidence import Store, records


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def host(healthy_directly: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """The application's connection, to the database in which the examples work."""
    monkeypatch.setenv("THREADLINE_OPS_DSN", healthy_directly)
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(place / "evidence"))
    with psycopg.connect(healthy_directly, autocommit=True) as connection:
        connection.execute("alter table orders add column state text")
        yield connection


def example(page: str) -> str:
    (found,) = (block.text for block in blocks("python") if block.page == page)
    return found


def run(text: str, **given: Any) -> dict[str, Any]:
    exec(compile(text, "example", "exec"), given)
    return given


def test_every_block_of_python_is_run_here():
    signatures = {"ARCHITECTURE.md"}
    assert {block.page for block in blocks("python")} - signatures == {
        "docs/backlog.md",
        "docs/capture.md",
        "docs/export.md",
    }


def test_the_export_writes_where_it_says(host: psycopg.Connection, place: Path):
    assert run(example("docs/export.md"))["report"].result.location == str(place / "exports/flights")
    assert list((place / "exports/flights").iterdir())


def test_the_actor_is_recorded_with_action_and_change(host: psycopg.Connection):
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(host.info.dsn))
    host.execute("insert into orders (id, code) values (7, 'seven')")
    run(example("docs/capture.md"), connection=host, engine=engine, app=None, who_is_asking=lambda scope: None)
    engine.dispose()
    found = host.execute(
        "select t.actor_ref, a.name from audit_changes c join audit_transactions t on t.id = c.transaction_id "
        "join audit_actions a on a.id = t.action_id where c.op = 'update' and c.table_pk @> '{\"id\": \"7\"}'"
    ).fetchall()
    assert found == [({"type": "user", "id": "42"}, "order.paid")]


def test_an_operation_proves_its_row(host: psycopg.Connection, place: Path):
    given = {"written": 3, "counted": 3, "cut": 2, "count_of": lambda rows: rows}
    run(example("docs/backlog.md"), evidence=evidence, settings=settings.load(), run_id="mine", **given)
    (record,) = records(Store(place / "evidence"))
    assert (record.run_id, record.operation) == ("mine", "my_operation")


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_settings_load(block: Example, place: Path):
    (place / "threadline.toml").write_text(block.text)
    settings.load()
    (place / "threadline.toml").write_text(f"{block.text}\n[retention]\nkeep_dais = 3\n")
    with pytest.raises(SettingsError):
        settings.load()


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_run_config_fits_its_job(block: Example):
    asked = yaml.safe_load(block.text)
    (op,) = asked["ops"]
    jobs = [job for job in defs.get_repository_def().get_all_jobs() if op in job.graph.node_names()]
    assert jobs
    assert all(dg.validate_run_config(job, asked) for job in jobs)
