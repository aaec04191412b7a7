"""When an operation is overdue, failing or well: from records alone, the time passed in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.evidence_store import START, fill, offline_settings
from threadline_ops.evidence import records
from threadline_ops.health import operations
from threadline_ops.health.operations import OperationHealth, budget_of, duration
from threadline_ops.scheduled import BudgetSettings, ScheduleSettings
from threadline_ops.sections import CoverageSettings
from threadline_ops.settings import Settings

HOUR = timedelta(hours=1)


def record(operation: str, at: timedelta, **changes: Any) -> dict[str, Any]:
    ended = START + at
    return {"operation": operation, "ended": ended.isoformat(), "mode": "execute", "outcome": "complete"} | changes


def seen(tmp_path: Path, runs: list[dict[str, Any]], now: timedelta, **settings: Any) -> dict[str, OperationHealth]:
    store = fill(tmp_path / "evidence", len(runs), lambda number: runs[number - 1])
    configured = offline_settings(tmp_path / "evidence").model_copy(update=settings)
    return {each.key: each for each in operations.read(records(store)).operations(configured, START + now)}


def test_a_success_goes_stale_exactly_when_its_budget_is_spent(tmp_path: Path):
    runs, budgets = [record("retention_purge", HOUR)], BudgetSettings(retention_purge=30)
    fresh = seen(tmp_path / "fresh", runs, HOUR * 31, budgets=budgets)["retention_purge"]
    stale = seen(tmp_path / "stale", runs, HOUR * 31 + timedelta(seconds=1), budgets=budgets)["retention_purge"]
    assert (fresh.state, fresh.healthy) == ("ok", True)
    assert (stale.state, stale.healthy) == ("overdue", False)
    assert stale.reason == "the last success is 30 h old, and 30 h are allowed"


@pytest.mark.parametrize("outcome", sorted(operations.UNSUCCESSFUL))
def test_a_run_that_did_not_succeed_fails_and_then_is_overdue(tmp_path: Path, outcome: str):
    runs = [record("retention_purge", HOUR), record("retention_purge", HOUR * 20, outcome=outcome)]
    budgets = BudgetSettings(retention_purge=30)
    early = seen(tmp_path / "early", runs, HOUR * 21, budgets=budgets)["retention_purge"]
    late = seen(tmp_path / "late", runs, HOUR * 32, budgets=budgets)["retention_purge"]
    assert (early.state, early.last_success) == ("failing", START + HOUR)
    assert late.state == "overdue", "a failed run is no success, however new"


def test_a_dry_run_is_no_purge_and_a_killed_run_counts_for_both(tmp_path: Path):
    runs = [record("retention_purge", HOUR, mode="dry_run", outcome="dry_run")]
    found = seen(tmp_path / "dry", runs, HOUR * 2)
    assert (found["retention_preview"].state, found["retention_purge"].state) == ("ok", "unscheduled")
    runs.append(record("retention_purge", HOUR * 2, mode="unknown", outcome="killed"))
    found = seen(tmp_path / "killed", runs, HOUR * 3)
    assert (found["retention_preview"].state, found["retention_purge"].state) == ("failing", "failing")


def test_what_never_ran_is_overdue_only_after_the_budget(tmp_path: Path):
    runs, budgets = [record("doctor", HOUR)], BudgetSettings(retention_purge=30)
    assert seen(tmp_path / "new", runs, HOUR * 20, budgets=budgets)["retention_purge"].state == "waiting"
    late = seen(tmp_path / "old", runs, HOUR * 40, budgets=budgets)["retention_purge"]
    assert (late.state, late.reason) == ("overdue", "it never succeeded, and at most 30 h are allowed")
    assert seen(tmp_path / "free", runs, HOUR * 40)["retention_purge"].state == "unscheduled"
    assert seen(tmp_path / "none", [], HOUR * 40, budgets=budgets)["retention_purge"].state == "waiting"


def test_the_most_neglected_expected_table_counts(tmp_path: Path):
    runs = [
        record("continuity_verify", HOUR, parameters={"table": "public.gone"}, figures={"gaps": 0, "rows": 5}),
        record("continuity_verify", HOUR * 50, parameters={"table": "public.a"}, figures={"gaps": 0, "rows": 5}),
        record("continuity_verify", HOUR * 99, parameters={"table": "public.b"}, figures={"gaps": 0, "rows": 7}),
    ]
    expected = CoverageSettings(expected_tables=("public.a", "public.b"))
    budgets = BudgetSettings(continuity_verify=48)
    found = seen(tmp_path, runs, HOUR * 100, coverage=expected, budgets=budgets)["continuity_verify"]
    assert (found.state, found.last_success) == ("overdue", START + HOUR * 50)
    assert "of public.a" in found.reason
    assert found.last is not None
    assert found.last.did == "public.b: 0 gaps in 7 rows"


@pytest.mark.parametrize(
    ("cron", "budget"),
    [
        ("5 * * * *", 2 * HOUR),
        ("15 2 * * *", 30 * HOUR),
        ("10 4 * * 0", timedelta(days=8)),
        ("0 6 * * mon-fri", timedelta(days=3, hours=18)),
    ],
)
def test_a_budget_follows_from_the_schedule(cron: str, budget: timedelta):
    settings = Settings(schedules=ScheduleSettings(retention_purge=cron))
    assert budget_of("retention_purge", settings, datetime(2026, 6, 1, tzinfo=UTC)) == budget
    set_by_hand = settings.model_copy(update={"budgets": BudgetSettings(retention_purge=1)})
    assert budget_of("retention_purge", set_by_hand, datetime(2026, 6, 1, tzinfo=UTC)) == HOUR


def test_every_budget_is_watched():
    assert {watched.key for watched in operations.WATCHED} == set(BudgetSettings.model_fields)


@pytest.mark.parametrize(
    ("span", "text"),
    [(HOUR / 2, "30 min"), (26 * HOUR, "26 h"), (196 * HOUR, "8 d 4 h"), (24 * 30 * HOUR, "30 d")],
)
def test_durations_are_for_people(span: timedelta, text: str):
    assert duration(span) == text
