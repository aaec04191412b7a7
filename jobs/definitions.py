"""The code location: everything that Dagster loads, found through workspace.yaml."""

from __future__ import annotations

import dagster as dg

from assets.resources import Operations
from jobs import alerts, backlog, continuity, coverage, export, retention, topology

defs = dg.Definitions.merge(
    backlog.defs,
    coverage.defs,
    retention.defs,
    topology.defs,
    export.defs,
    continuity.defs,
    alerts.defs,
    dg.Definitions(resources={"operations": Operations()}),
)
