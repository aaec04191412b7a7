"""Health of a real database: each part of it broken in turn, and the page that shows it."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from tests import audited_world
from threadline_ops.coverage.run import run_doctor
from threadline_ops.health import Health, charts, look, page, run_health
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.scheduled import BudgetSettings, DashboardSettings
from threadline_ops.sections import EvidenceSettings, RetentionSettings
from threadline_ops.settings import Settings


@pytest.fixture
def settings(healthy: str, tmp_path: Path) -> Settings:
    return audited_world.settings_for(healthy).model_copy(
        update={
            "evidence": EvidenceSettings(directory=tmp_path / "evidence"),
            "retention": RetentionSettings(enabled=True, keep_days=90),
        }
    )


@pytest.fixture
def connection(healthy_directly: str):
    with psycopg.connect(healthy_directly, autocommit=True) as opened:
        yield opened


def now() -> datetime:
    return datetime.now(UTC)


def purge(settings: Settings) -> None:
    """Dry first: an executed purge that no dry run has shown is a P0 of the backlog."""
    for execute in (False, True):
        run_purge(settings, PurgeRequest(execute=execute))


def with_disk_budget(settings: Settings) -> Settings:
    coverage = settings.coverage.model_copy(update={"disk_budget_gb": 1, "disk_warning_days": 10**9})
    return settings.model_copy(update={"coverage": coverage})


def areas(health: Health) -> set[tuple[str, str]]:
    return {(problem.area, problem.subject) for problem in health.problems}


@pytest.mark.pooled
def test_a_healthy_database_has_no_problem_and_each_break_shows(settings: Settings, connection: psycopg.Connection):
    run_doctor(settings)
    purge(settings)
    seen = look(settings, now())
    assert seen.healthy, seen.problems
    assert {table.table: (table.status, table.healthy) for table in seen.tables} == {
        f"public.{name}": ("covered", True) for name in audited_world.TABLES
    }
    assert seen.space is not None
    assert seen.space.bytes > 0
    assert sum(table.changes_last_day for table in seen.tables) == seen.space.changes_last_day
    assert [point.value for point in seen.growth] == [pytest.approx(seen.space.bytes, rel=0.5)]
    ran = {operation.key: operation for operation in seen.operations}
    assert ran["coverage_check"].last is not None
    assert ran["coverage_check"].last.did == "4 of 4 tables covered, findings: 0 P0, 0 P1, 0 P2"

    connection.execute("drop trigger threadline_audit_orders on orders")
    broken = look(settings, now())
    assert areas(broken) == {("table", "public.orders")}
    assert broken.problems[0].runbook == "every-expected-table-is-captured"
    connection.execute("grant insert on audit_changes to public")
    assert "database" in {area for area, _ in areas(look(settings, now()))}


def test_what_is_overdue_or_full_shows(settings: Settings, connection: psycopg.Connection):
    connection.execute("analyze")
    purge(settings)
    late = settings.model_copy(update={"budgets": BudgetSettings(retention_purge=1)})
    assert look(late, now()).healthy
    assert areas(look(late, now() + timedelta(hours=2))) == {("operation", "Purge")}
    assert areas(look(with_disk_budget(settings), now())) == {("room", "audit tables")}


def test_a_database_that_does_not_answer_is_a_problem_and_the_rest_is_still_told(settings: Settings):
    run_purge(settings, PurgeRequest())
    away = Settings(
        dsn="postgresql://nobody:honeytoken-88@127.0.0.1:1/nothing", evidence=settings.evidence, environment="test"
    )
    seen = look(away, now())
    assert areas(seen) == {("database", "database")}
    assert (seen.tables, seen.space, seen.runs) == ((), None, 1)
    assert "honeytoken" not in page(seen, "docs/runbooks")


class _Reader(HTMLParser):
    """Notes what a page would fetch, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in ("src", "data", "srcset", "poster")]
        if tag in ("script", "link", "iframe", "img", "object"):
            self.fetched.append(tag)
        if tag not in ("meta", "path", "rect", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect", "circle"):
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Closed by itself."""


def test_the_page_stands_alone_and_says_everything(settings: Settings, connection: psycopg.Connection):
    run_doctor(settings)
    purge(settings)
    connection.execute("drop trigger threadline_audit_orders on orders")
    connection.execute("insert into orders values (77, '<b>honeytoken-99</b>', 'x')")
    wiki = settings.model_copy(update={"dashboard": DashboardSettings(runbooks="https://wiki.example.com/run")})
    report = run_health(wiki, now=now())
    text = report.html.read_text()
    reader = _Reader()
    reader.feed(text)
    assert (reader.fetched, reader.open) == ([], ["html"][:0])
    assert not re.search(r"url\(|@import", text)
    assert "honeytoken" not in text
    assert 'href="https://wiki.example.com/run/every-expected-table-is-captured.md"' in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert report.html.parent == settings.evidence.directory.parent
    for svg in (charts.growth(report.health), charts.backlog(report.health)):
        assert svg in text
        ElementTree.fromstring(svg)
    record = json.loads(report.evidence.read_text())
    assert (record["operation"], record["outcome"]) == ("health_check", "complete")
    assert record["figures"]["problems"] == 1


def test_names_of_tables_are_escaped(settings: Settings, connection: psycopg.Connection):
    connection.execute('create table "<script>alert(1)</script>" (id int primary key)')
    coverage = settings.coverage.model_copy(update={"expected_tables": ('public."<script>alert(1)</script>"',)})
    text = page(look(settings.model_copy(update={"coverage": coverage}), now()), "docs/runbooks")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def command(settings: Settings, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert settings.dsn is not None
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "THREADLINE_OPS_DSN": settings.dsn.get_secret_value(),
        "THREADLINE_OPS_EVIDENCE__DIRECTORY": str(settings.evidence.directory),
        "THREADLINE_OPS_COVERAGE__EXPECTED_TABLES": '["public.orders"]',
    }
    return subprocess.run(
        [sys.executable, "-m", "threadline_ops", "health", *arguments],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_tells_and_ends_with_one_when_unhealthy(
    settings: Settings, connection: psycopg.Connection, tmp_path: Path
):
    well = command(settings, tmp_path, "--json", "--html", "health.html")
    assert well.returncode == 0, well.stderr
    document = json.loads(well.stdout)
    assert (document["healthy"], document["problems"]) == (True, [])
    assert "<h1>Health of local" in (tmp_path / "health.html").read_text()
    assert not settings.evidence.directory.exists(), "a monitor leaves no record"
    connection.execute("drop trigger threadline_audit_orders on orders")
    ill = command(settings, tmp_path)
    assert ill.returncode == 1
    assert "public.orders" in ill.stdout
    assert "docs/runbooks/every-expected-table-is-captured.md" in ill.stdout
    nowhere = command(settings, tmp_path, "--html", "/dev/null/health.html")
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith("error: the health page cannot be written")
