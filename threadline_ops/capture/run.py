"""Whole runs of `install` and `triggers`: guards, work, evidence."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threadline_ops import evidence, progress
from threadline_ops.capture import install as installing
from threadline_ops.capture import triggers
from threadline_ops.capture.install import Installed
from threadline_ops.capture.names import Table
from threadline_ops.capture.plan import TablePlan
from threadline_ops.capture.triggers import TableCaptured, TriggersResult
from threadline_ops.database import Database, Identity, opened
from threadline_ops.sections import CaptureSettings
from threadline_ops.settings import Settings

INSTALL, TRIGGERS = "capture_install", "capture_triggers"
#: The backlog's row: what redaction does was shown before it was applied.
SHOWN_FIRST = "redaction.dry_run_after_changes"


@dataclass(frozen=True)
class TriggersRequest:
    """What one run is asked to do.

    Attributes:
        tables: only these; all that the settings name otherwise.
        execute: change the database; otherwise show what would be changed.
        prune: stop capturing tables that the settings do not name.
    """

    tables: tuple[Table, ...] | None = None
    execute: bool = False
    prune: bool = False

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "triggers"]
        words += ["--tables", ",".join(map(str, self.tables))] if self.tables else []
        words += [] if self.execute else ["--dry-run"]
        words += ["--prune"] if self.prune else []
        return shlex.join(words)


@dataclass(frozen=True)
class TriggersReport:
    """What a run showed or did.

    Attributes:
        run_id: made for the run.
        plans: of a dry run.
        result: of an executed one.
        pruned: tables that are captured no more.
    """

    run_id: str
    plans: tuple[TablePlan, ...] = ()
    result: TriggersResult | None = None
    pruned: tuple[str, ...] = ()


def run_install(settings: Settings) -> Installed:
    """Create or upgrade the audit schema once, leaving one evidence record.

    Raises:
        OpsError: the server refused a statement; nothing was changed.
    """
    with (
        evidence.recording(
            settings, INSTALL, run_id=None, mode="execute", command="threadline-ops install"
        ) as recording,
        opened(settings, INSTALL, direct=True) as database,
    ):
        recording.identity = database.identity()
        done = installing.install(database, settings.capture.application_roles)
        recording.figures.update(statements=done.statements)
        recording.log(f"audit schema {done.schema!r} is installed, owned by {done.owner!r}")
    return done


def run_triggers(
    settings: Settings, request: TriggersRequest, *, on_event: Callable[[TableCaptured], None] = lambda _: None
) -> TriggersReport:
    """Show or apply what the settings imply once, leaving one evidence record.

    Args:
        settings: which tables are captured, and how.
        request: what this run is asked to do.
        on_event: receives every table that is as its settings imply.

    Raises:
        OpsError: the run was refused or failed; finished tables are kept.
    """
    mode = "execute" if request.execute else "dry_run"
    with (
        evidence.recording(settings, TRIGGERS, run_id=None, mode=mode, command=request.command()) as recording,
        opened(settings, TRIGGERS, direct=True) as database,
    ):
        recording.identity = identity = database.identity()
        recording.subject = about = subject(settings.capture, identity)
        recording.parameters.update(tables=[str(table) for table in request.tables or ()], prune=request.prune)
        if request.execute:
            return _applied(recording, database, settings, request, on_event)
        shown = _shown(database, settings, request)
        recording.outcome = "dry_run"
        recording.figures.update({str(plan.table): [step.name for step in plan.steps] for plan in shown})
        recording.log(f"dry run, nothing changed: {sum(len(plan.steps) for plan in shown)} objects differ")
        if about["redaction"]:
            recording.support(
                SHOWN_FIRST, detail="a dry run showed what these settings redact", control=_control(about)
            )
    return TriggersReport(recording.run_id, tuple(shown))


def subject(capture: CaptureSettings, identity: Identity) -> dict[str, Any]:
    """What is redacted where: a dry run shows the effect of equal ones only."""
    redaction = {
        name: {"exclude": sorted(table.exclude), "mask": sorted(table.mask), "placeholder": table.mask_placeholder}
        for name, table in sorted(capture.tables.items())
        if table.exclude or table.mask
    }
    return {
        "redaction": redaction,
        "system_identifier": identity.system_identifier,
        "database": identity.database,
    }


def _shown(database: Database, settings: Settings, request: TriggersRequest) -> list[TablePlan]:
    shown = triggers.plans(database, request.tables, settings.capture)
    return shown + (triggers.removals(database, settings.capture) if request.prune else [])


def _applied(
    recording: evidence.Recording,
    database: Database,
    settings: Settings,
    request: TriggersRequest,
    on_event: Callable[[TableCaptured], None],
) -> TriggersReport:
    changed: list[TableCaptured] = []

    def note(event: TableCaptured) -> None:
        changed.append(event)
        recording.figures[event.table] = event.changed
        recording.log(f"{event.table}: {', '.join(event.changed) or 'as wanted'}")
        on_event(event)

    result = progress.drive(triggers.apply(database, request.tables, settings.capture), note)
    pruned: Sequence[str] = ()
    if request.prune:
        pruned = progress.drive(triggers.prune(database, settings.capture), lambda _: None)
        recording.figures["pruned"] = list(pruned)
    about: Mapping[str, Any] = recording.subject
    # Only a function tells columns apart, so without a new one no redaction was applied.
    functions = [step for event in changed for step in event.changed if step.startswith("function ")]
    if about["redaction"] and functions:
        recording.support(
            SHOWN_FIRST,
            detail=f"a dry run of these redaction settings came before {len(functions)} functions were changed",
            after="dry_run",
            control=_control(about),
        )
    return TriggersReport(recording.run_id, result=result, pruned=tuple(pruned))


def _control(about: Mapping[str, Any]) -> evidence.Control:
    """With one more masked column, a dry run must not count as one of these settings."""
    table, columns = next(iter(about["redaction"].items()))
    other = {**about["redaction"], table: {**columns, "mask": [*columns["mask"], "threadline_ops_control"]}}
    return evidence.control("one more masked column", lambda: {**about, "redaction": other} == about)
