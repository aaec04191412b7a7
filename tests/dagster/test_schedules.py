"""Schedules: stopped unless a setting says when, and what each asks for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Operations
from jobs import schedules
from jobs.definitions import build, defs
from jobs.retention import retention_purge
from threadline_ops.scheduled import ScheduleSettings
from threadline_ops.settings import Settings

NOW = datetime(2026, 6, 1, 4, 10, tzinfo=UTC)


def asked(definitions: dg.Definitions, name: str, now: datetime = NOW) -> list[dg.RunRequest]:
    schedule = definitions.resolve_schedule_def(name)
    with dg.build_schedule_context(
        scheduled_execution_time=now,
        repository_def=definitions.get_repository_def(),
        resources={"operations": Operations()},
    ) as context:
        return list(schedule.evaluate_tick(context).run_requests or ())


def test_all_are_stopped_by_default_and_every_plan_of_a_known_job_is_there():
    found = list(defs.get_repository_def().schedule_defs)
    jobs = {job.name for job in defs.get_repository_def().get_all_jobs()}
    assert {schedule.name for schedule in found} == {plan.name for plan in schedules.PLANS if plan.job in jobs}
    assert all(schedule.default_status is dg.DefaultScheduleStatus.STOPPED for schedule in found)
    assert {plan.setting for plan in schedules.PLANS} == set(ScheduleSettings.model_fields) - {"timezone"}


def test_a_setting_switches_a_schedule_on_and_says_when():
    on = build(Settings(schedules=ScheduleSettings(retention_purge="0 4 * * 1-5", timezone="Europe/Paris")))
    schedule = on.resolve_schedule_def("retention_purge_nightly")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * 1-5", "Europe/Paris")
    assert on.resolve_schedule_def("retention_preview_nightly").default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_preview_is_dry_and_the_purge_is_not():
    modes = {}
    for name in ("retention_preview_nightly", "retention_purge_nightly"):
        (request,) = asked(defs, name)
        assert dg.validate_run_config(retention_purge, request.run_config)
        modes[name] = request.run_config["ops"]["purge_expired_changes"]["config"]["mode"]
    assert modes == {"retention_preview_nightly": "dry_run", "retention_purge_nightly": "execute"}


def test_maintenance_on_schedule_removes():
    (request,) = asked(defs, "dagster_maintenance_weekly")
    assert dg.validate_run_config(defs.resolve_job_def("dagster_maintenance"), request.run_config)
    assert request.run_config["ops"]["prune_dagster_runs"]["config"]["mode"] == "execute"


def test_verification_is_asked_for_every_captured_table_once_a_tick(
    healthy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("THREADLINE_OPS_DSN", healthy)
    monkeypatch.setenv("THREADLINE_OPS_EVIDENCE__DIRECTORY", str(tmp_path / "evidence"))
    first, again = (asked(defs, "continuity_verify_weekly") for _ in range(2))
    named = [request.run_config["ops"]["verify_table"]["config"]["table"] for request in first]
    assert {"public.orders", "public.customers"} <= set(named)
    assert len({request.run_key for request in first}) == len(first)
    assert [request.run_key for request in first] == [request.run_key for request in again], "a tick evaluated twice"
    later = asked(defs, "continuity_verify_weekly", NOW + timedelta(days=7))
    assert not {request.run_key for request in later} & {request.run_key for request in first}


def test_a_partitioned_job_is_asked_for_the_day_before_and_one_that_appears_is_scheduled():
    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
    def archived() -> None: ...

    job = dg.define_asset_job("archive_write", selection=[archived])
    own = dg.ScheduleDefinition(name="archive_write_nightly", job=job, cron_schedule="0 0 * * *")
    other = dg.ScheduleDefinition(name="another", job=job, cron_schedule="0 0 * * *")
    beside = dg.Definitions(assets=[archived], jobs=[job], schedules=[own, other])
    both = dg.Definitions(
        assets=[archived],
        jobs=[job],
        schedules=schedules.build(Settings(schedules=ScheduleSettings(archive_write="7 1 * * *")), beside),
        resources={"operations": Operations()},
    )
    found = {schedule.name: schedule.cron_schedule for schedule in both.get_repository_def().schedule_defs}
    assert found == {"archive_write_nightly": "7 1 * * *", "another": "0 0 * * *"}, "the settings' one is taken"
    (request,) = asked(both, "archive_write_nightly")
    assert (request.partition_key, request.run_key) == ("2026-05-31", "2026-05-31")
