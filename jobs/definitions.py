"""The code location: everything that Dagster loads, found through workspace.yaml."""

from __future__ import annotations

import dagster as dg

from assets.resources import Operations
from jobs import retention

defs = dg.Definitions.merge(
    retention.defs,
    dg.Definitions(resources={"operations": Operations()}),
)
