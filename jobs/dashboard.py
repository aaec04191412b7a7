"""What every asset and job shows beside its figures: who owns it, and which runbook to open."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.keys import path_of
from assets.labels import link
from assets.location import ENVIRONMENT_TAG
from threadline_ops.settings import Settings

#: Runbooks of assets, by the first part of their path, where an asset has none by its own name.
_RUNBOOKS = {
    "audited": "coverage-check",
    "audit_changes": "retention-purge",
    "adoption_backlog": "backlog-render",
    "connection_topology": "topology-check",
    "audited_write_paths": "write-path-probe",
    "continuity_baseline": "continuity-backfill",
    "health_report": "health-check",
    "audit_archive": "archive-write",
}


def dressed(definitions: dg.Definitions, schedules: list[Any], settings: Settings) -> dg.Definitions:
    """The same definitions, with owners, links to runbooks, and these schedules.

    Args:
        definitions: the whole code location.
        schedules: instead of its own.
        settings: who owns it, and where the runbooks are.
    """
    owners = [settings.dashboard.owner] if settings.dashboard.owner else []

    def dress(spec: dg.AssetSpec) -> dg.AssetSpec:
        first = path_of(spec.key)[0]
        runbook = _RUNBOOKS.get(first, first.replace("_", "-"))
        return spec.replace_attributes(
            description=f"{spec.description or ''}\n\nRunbook: {link(settings, runbook)}".strip(),
            owners=[*spec.owners, *(owner for owner in owners if owner not in spec.owners)],
            tags={**spec.tags, ENVIRONMENT_TAG: _tag(settings.environment)},
        )

    # Not Definitions.map_asset_specs, which is a preview.
    return dg.Definitions(
        assets=[
            *dg.map_asset_specs(
                dress, [a for a in definitions.assets or () if isinstance(a, dg.AssetsDefinition | dg.AssetSpec)]
            )
        ],
        asset_checks=definitions.asset_checks,
        jobs=definitions.jobs,
        schedules=schedules,
        sensors=definitions.sensors,
        resources=definitions.resources,
    )


def _tag(text: str) -> str:
    """As a tag's value may look: letters, digits, dashes, dots and underscores, at most 63."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "_" for c in text)[:63]
