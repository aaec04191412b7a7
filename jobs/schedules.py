"""Every schedule: stopped, unless its cron expression stands in the settings.

A plan whose job is not in this code location is left out, so that plans and capabilities can come and go apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.continuity import VerifyConfig, verify_table
from assets.failures import failures
from assets.labels import labelled_plainly
from assets.maintenance import prune_dagster_runs
from assets.resources import Operations
from assets.retention import Mode, PurgeConfig, purge_expired_changes
from threadline_ops.continuity import tables
from threadline_ops.database import opened
from threadline_ops.settings import Settings

Requests = Callable[[dg.ScheduleEvaluationContext, Settings], Iterator[dg.RunRequest]]


def _once(context: dg.ScheduleEvaluationContext, settings: Settings) -> Iterator[dg.RunRequest]:
    """One run as the job is configured by itself."""
    del context, settings
    yield dg.RunRequest()


def _purge(mode: Mode) -> Requests:
    def requests(context: dg.ScheduleEvaluationContext, settings: Settings) -> Iterator[dg.RunRequest]:
        del context, settings
        yield dg.RunRequest(run_config=dg.RunConfig(ops={purge_expired_changes.name: PurgeConfig(mode=mode)}))

    return requests


def _execute(op: str) -> Requests:
    """One run that may change things, of a job that is dry by itself."""

    def requests(context: dg.ScheduleEvaluationContext, settings: Settings) -> Iterator[dg.RunRequest]:
        del context, settings
        yield dg.RunRequest(run_config={"ops": {op: {"config": {"mode": "execute"}}}})

    return requests


def _newest_day(name: str) -> Requests:
    """The newest whole partition, where the job is partitioned by time."""

    def requests(context: dg.ScheduleEvaluationContext, settings: Settings) -> Iterator[dg.RunRequest]:
        del settings
        job = context.repository_def.get_job(name) if context.repository_def else None
        partitions = job.partitions_def if job else None
        if not isinstance(partitions, dg.TimeWindowPartitionsDefinition):
            yield dg.RunRequest()
            return
        window = partitions.get_prev_partition_window(context.scheduled_execution_time)
        if window is not None:
            key = partitions.get_partition_key_for_timestamp(window.start.timestamp())
            yield dg.RunRequest(run_key=key, partition_key=key)

    return requests


def _each_table(context: dg.ScheduleEvaluationContext, settings: Settings) -> Iterator[dg.RunRequest]:
    """One run for every table with a baseline to come or there."""
    with failures(), opened(settings, "schedule") as database:
        names = tables(database, settings.continuity)
    for name in names:
        yield dg.RunRequest(
            run_key=f"{context.scheduled_execution_time.isoformat()} {name}",
            run_config=dg.RunConfig(ops={verify_table.name: VerifyConfig(table=name)}),
        )


@dataclass(frozen=True)
class Plan:
    """A schedule to be.

    Attributes:
        name: of the schedule.
        job: that it asks for.
        setting: below `[schedules]`.
        cron: until the setting says otherwise; the schedule is stopped then.
        does: what it does, to be followed by its time.
    """

    name: str
    job: str
    setting: str
    cron: str
    does: str
    requests: Requests = _once


PLANS = (
    Plan(
        "retention_preview_nightly",
        "retention_purge",
        "retention_preview",
        "45 1 * * *",
        "Counts what a purge would delete, and deletes nothing",
        _purge(Mode.dry_run),
    ),
    Plan(
        "retention_purge_nightly",
        "retention_purge",
        "retention_purge",
        "15 2 * * *",
        "Purges what is past the retention window, if `retention.enabled` says so as well",
        _purge(Mode.execute),
    ),
    Plan(
        "archive_write_nightly",
        "archive_write",
        "archive_write",
        "30 0 * * *",
        "Archives the day before",
        _newest_day("archive_write"),
    ),
    Plan("archive_verify_weekly", "archive_verify", "archive_verify", "20 4 * * 0", "Reads the archive back"),
    Plan(
        "archive_then_purge_nightly",
        "archive_then_purge",
        "archive_then_purge",
        "45 2 * * *",
        "Archives what is expired, reads it back, and deletes what is the same",
        _execute("purge_archived_changes"),
    ),
    Plan("coverage_check_hourly", "coverage_check", "coverage_check", "5 * * * *", "Examines capture"),
    Plan(
        "continuity_verify_weekly",
        "continuity_verify",
        "continuity_verify",
        "10 4 * * 0",
        "Verifies every table, one run each",
        _each_table,
    ),
    Plan("topology_check_weekly", "topology_check", "topology_check", "40 3 * * 1", "Measures every environment"),
    Plan("backlog_render_daily", "backlog_render", "backlog_render", "30 5 * * *", "Renders the adoption backlog"),
    Plan("health_check_hourly", "health_check", "health_check", "20 * * * *", "Writes the health report"),
    Plan(
        "dagster_maintenance_weekly",
        "dagster_maintenance",
        "dagster_maintenance",
        "50 4 * * 0",
        "Removes old Dagster runs whose evidence is stored",
        _execute(prune_dagster_runs.name),
    ),
)


def build(settings: Settings, beside: dg.Definitions) -> list[Any]:
    """Every schedule of the code location.

    Args:
        settings: which run, and when.
        beside: the capabilities. A plan without its job is left out; of two schedules of a name the plan's is taken,
            because only that one follows the settings.
    """
    jobs = {job.name for job in beside.jobs or ()}
    plans = [plan for plan in PLANS if plan.job in jobs]
    names = {plan.name for plan in plans}
    others = [schedule for schedule in beside.schedules or () if schedule.name not in names]
    return [*others, *(_schedule(plan, settings) for plan in plans)]


def _schedule(plan: Plan, settings: Settings) -> dg.ScheduleDefinition:
    wanted: str | None = getattr(settings.schedules, plan.setting)
    zone = settings.schedules.timezone
    word = "Runs" if wanted else "Stopped until `[schedules]` says when; otherwise"

    @dg.schedule(
        name=plan.name,
        # By name: Dagster 1.13 warns of its own beta parameter when it re-binds a job object.
        job_name=plan.job,
        cron_schedule=wanted or plan.cron,
        execution_timezone=zone,
        default_status=dg.DefaultScheduleStatus.RUNNING if wanted else dg.DefaultScheduleStatus.STOPPED,
        description=labelled_plainly(
            f"{plan.does}. {word} at `{wanted or plan.cron}` {zone}.", plan.job.replace("_", "-"), settings
        ),
    )
    def ask(context: dg.ScheduleEvaluationContext, operations: Operations) -> Any:
        return list(plan.requests(context, operations.settings()))

    return ask
