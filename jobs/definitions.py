"""The code location: everything that Dagster loads, found through workspace.yaml."""

from __future__ import annotations

import dagster as dg

from assets.resources import Operations
from jobs import (
    alerts,
    archive,
    backlog,
    continuity,
    coverage,
    export,
    health,
    maintenance,
    retention,
    schedules,
    topology,
)
from jobs.dashboard import dressed
from threadline_ops import settings as configuration
from threadline_ops.settings import Settings


def build(settings: Settings) -> dg.Definitions:
    """Everything, as these settings want it scheduled and labelled."""
    capabilities = dg.Definitions.merge(
        backlog.defs,
        coverage.defs,
        retention.defs,
        topology.defs,
        export.defs,
        continuity.defs,
        alerts.defs,
        archive.defs,
        health.defs,
        maintenance.defs,
        dg.Definitions(resources={"operations": Operations()}),
    )
    return dressed(capabilities, schedules.build(settings, capabilities), settings)


defs = build(configuration.load())
