"""Settings of what runs by itself: when, how old its last success may be, and what the dashboard says beside it."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StrictStr

from threadline_ops import cron
from threadline_ops.errors import SettingsError
from threadline_ops.fields import Boolean, PositiveInt, Section


def _cron(value: str) -> str:
    cron.parse(value)
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise ValueError("must be the name of a time zone, such as UTC or Europe/Paris") from None
    return value


Schedule = Annotated[StrictStr, AfterValidator(_cron)] | None
Hours = PositiveInt | None


class ScheduleSettings(Section):
    """What runs by itself; what is not set stays stopped."""

    timezone: Annotated[StrictStr, AfterValidator(_zone)] = "UTC"
    retention_preview: Schedule = None
    retention_purge: Schedule = None
    archive_write: Schedule = None
    archive_verify: Schedule = None
    archive_then_purge: Schedule = None
    coverage_check: Schedule = None
    continuity_verify: Schedule = None
    topology_check: Schedule = None
    backlog_render: Schedule = None
    health_check: Schedule = None
    dagster_maintenance: Schedule = None


class BudgetSettings(Section):
    """How old an operation's last success may be; what is not set follows from its schedule."""

    retention_preview: Hours = None
    retention_purge: Hours = None
    archive_write: Hours = None
    archive_verify: Hours = None
    coverage_check: Hours = None
    continuity_baseline: Hours = None
    continuity_verify: Hours = None
    topology_check: Hours = None


class DashboardSettings(Section):
    """What the Dagster UI says beside the figures, and how long it keeps runs."""

    owner: Annotated[StrictStr, Field(pattern=r"^(team:[A-Za-z0-9_-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")] | None = None
    runbooks: Annotated[StrictStr, Field(pattern=r"^(https?://[^\s()]+|[\w./-]+)$")] = "docs/runbooks"
    keep_runs_days: PositiveInt = 90
    prefix_asset_keys: Boolean = False


def check_key_prefix(environment: str, dashboard: DashboardSettings) -> None:
    """Refuse an environment's name that cannot stand in front of asset keys; mapped, two of them could become one.

    Raises:
        SettingsError: it is to stand there, and has a character that Dagster refuses or gives a meaning to.
    """
    # Dagster makes names of outputs of keys, in which it maps dashes and dots, and refuses everything else.
    if dashboard.prefix_asset_keys and not re.fullmatch(r"[A-Za-z0-9_.-]+", environment):
        raise SettingsError(
            "the environment's name cannot stand in front of asset keys",
            got=environment,
            fix="name it in letters, digits, dashes, dots and underscores, or set dashboard.prefix_asset_keys = false",
        )
