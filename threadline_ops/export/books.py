"""What an unfinished Parquet export knows of itself: its plan, and a record of each finished part."""

from __future__ import annotations

import json
from typing import Any

from threadline_ops.errors import ExportError
from threadline_ops.export.destination import Destination
from threadline_ops.export.filters import Filters
from threadline_ops.export.plan import Plan

#: Inside the unfinished export; readers of Parquet folders ignore a leading underscore.
FOLDER = "_export"
PLAN = f"{FOLDER}/plan.json"


def record_name(part: int) -> str:
    """The file whose presence says that a part is finished."""
    return f"{FOLDER}/part-{part:05d}.json"


def look(destination: Destination, *, resume: bool) -> None:
    """Make sure that nothing is in the way.

    Raises:
        ExportError: the destination exists, or an unfinished export lies beside it and is not to be resumed.
    """
    unfinished = destination.exists(partial=True)
    if resume and unfinished:
        return
    if destination.exists(partial=False):
        raise ExportError(
            "the destination exists already",
            got=destination.shown,
            fix="exports are never overwritten: choose another name, or remove it",
        )
    if unfinished:
        raise ExportError(
            "an unfinished export lies beside the destination",
            got=destination.shown + ".partial",
            fix="go on with --resume, or remove it",
        )


def stored_plan(destination: Destination, filters: Filters, *, hive: bool) -> Plan | None:
    """The plan of the unfinished export, if it got so far.

    Raises:
        ExportError: it was asked for something else.
    """
    stored = destination.read(PLAN)
    if stored is None:
        return None
    plan = Plan.restored(json.loads(stored))
    if (plan.filters, plan.hive) != (filters.plain(), hive):
        raise ExportError(
            "the unfinished export was asked for something else",
            got={"filters": plan.filters, "hive": plan.hive},
            fix="resume with the same filters and layout, or remove it and start again",
        )
    return plan


def records(destination: Destination) -> dict[int, dict[str, Any]]:
    """What earlier attempts finished, by part."""
    found: dict[int, dict[str, Any]] = {}
    for name in destination.names(FOLDER):
        if name.startswith("part-"):
            record = json.loads(destination.read(f"{FOLDER}/{name}") or b"{}")
            found[record["number"]] = record
    return found
