"""What every check, job, schedule and sensor says of itself in the UI: a sentence, its runbook, and who owns it.

The UI shows descriptions everywhere and other labels only here and there, and Dagster's own owners of jobs, schedules
and sensors are beta: so the description carries all of it.
"""

from __future__ import annotations

from functools import cache

import dagster as dg

from threadline_ops import settings as configuration
from threadline_ops.health import place
from threadline_ops.settings import Settings


def labelled(text: str, runbook: str, settings: Settings | None = None) -> str:
    """A description in Markdown, with what to open and whom to ask.

    Args:
        text: one sentence or more.
        runbook: its name: that of the job or check, with dashes.
        settings: where runbooks are and who owns the code location; by default those that it was loaded with.
    """
    dashboard = (settings or _loaded()).dashboard
    owner = [f"Owner: {dashboard.owner}"] if dashboard.owner else []
    return "\n\n".join([text, f"Runbook: {link(settings or _loaded(), runbook)}", *owner])


def labelled_plainly(text: str, runbook: str, settings: Settings | None = None) -> str:
    """The same for schedules and sensors, whose pages show a description as it is, in one paragraph."""
    dashboard = (settings or _loaded()).dashboard
    owner = f", owner: {dashboard.owner}" if dashboard.owner else ""
    return f"{text.replace('`', '')} Runbook: {place(dashboard.runbooks, runbook)}{owner}"


def link(settings: Settings, runbook: str) -> str:
    """A runbook in Markdown: a link where its place is a URL, else its path."""
    target = place(settings.dashboard.runbooks, runbook)
    return f"[{runbook}]({target})" if target.startswith("http") else f"`{target}`"


def check_spec(name: str, asset: dg.AssetKey, text: str, settings: Settings | None = None) -> dg.AssetCheckSpec:
    """A check that says what it asserts; its runbook has its name."""
    return dg.AssetCheckSpec(name, asset=asset, description=labelled(text, name.replace("_", "-"), settings))


@cache
def _loaded() -> Settings:
    return configuration.load()
