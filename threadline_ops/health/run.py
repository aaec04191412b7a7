"""Writing the health page, by itself or as a run that leaves evidence."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from threadline_ops import evidence
from threadline_ops.errors import SettingsError
from threadline_ops.health.look import Health, look
from threadline_ops.health.page import page
from threadline_ops.settings import Settings

OPERATION = "health_check"


@dataclass(frozen=True)
class HealthReport:
    """What a run saw; its page lies at `html`, its record and log at `evidence` and `log`."""

    run_id: str
    health: Health
    html: Path
    evidence: Path
    log: Path


def run_health(
    settings: Settings, *, now: datetime, run_id: str | None = None, echo: Callable[[str], None] = lambda _: None
) -> HealthReport:
    """Look once and write the page beside the evidence store, leaving one evidence record.

    Args:
        settings: what to look at.
        now: the moment that ages are measured from, aware.
        run_id: Dagster's; made up when there is none.
        echo: receives each line of the run's log.

    Raises:
        EvidenceError: the store cannot be read or written.
    """
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode="check", command="threadline-ops health", echo=echo
    ) as recording:
        health = look(settings, now)
        html = write(settings, health, beside(settings))
        # The look is complete whatever it saw; another outcome would open an issue about the looking.
        recording.figures.update(
            problems=len(health.problems),
            tables=len(health.tables),
            healthy_tables=sum(table.healthy for table in health.tables),
            overdue=[operation.key for operation in health.operations if operation.state == "overdue"],
            failing=[operation.key for operation in health.operations if operation.state == "failing"],
        )
        for problem in health.problems:
            recording.log(f"{problem.area} {problem.subject}: {problem.text}")
        recording.log(f"health: {len(health.problems)} problems")
    return HealthReport(recording.run_id, health, html, recording.record_path, recording.log_path)


def beside(settings: Settings) -> Path:
    """The page's place: beside the evidence store, in which a file of ours would look like a stray one."""
    return settings.evidence.directory.absolute().parent / "health.html"


def write(settings: Settings, health: Health, path: Path) -> Path:
    """Write the page, so that readers see the old one or the new one.

    Raises:
        SettingsError: it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(page(health, settings.dashboard.runbooks))
            os.fchmod(stream.fileno(), 0o644)
        Path(name).replace(path)
    except OSError as error:
        raise SettingsError(
            f"the health page cannot be written: {error.strerror}", got=str(path), fix="give --html another place"
        ) from None
    return path
