"""A whole topology check, the same from the command line and from Dagster: detect, probe, compare, record."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.database import Identity, opened
from threadline_ops.errors import OpsError
from threadline_ops.settings import Settings
from threadline_ops.topology import recorded
from threadline_ops.topology.claims import claims
from threadline_ops.topology.contract import Probe
from threadline_ops.topology.detect import Facts
from threadline_ops.topology.measure import Detected, Measured, Probed, line, measure
from threadline_ops.topology.rows import Row, compare, row
from threadline_ops.topology.targets import Target, targets

OPERATION = "topology_check"

#: Files whose SQL decides what a clause shows.
STATEMENTS = (
    "lock/acquire",
    "topology/actors",
    "topology/attributions",
    "topology/count_prepared",
    "topology/left_behind",
    "topology/set_actor",
    "topology/set_for_session",
)


@dataclass(frozen=True)
class TopologyRequest:
    """What one run is asked to do.

    Attributes:
        environments: only these; all that are declared otherwise.
        save: a directory to leave each measured environment's facts in, for comparisons elsewhere.
    """

    environments: tuple[str, ...] = ()
    save: Path | None = None

    def command(self) -> str:
        """The command line that repeats this run."""
        words = ["threadline-ops", "topology"]
        for name in self.environments:
            words += ["--environment", name]
        words += ["--save", str(self.save)] if self.save else []
        return shlex.join(words)


@dataclass(frozen=True)
class EnvironmentReport:
    """One environment.

    Attributes:
        facts: as measured, or as recorded where it cannot be reached from here.
        measured: the facts are this run's own.
        probes: in the order of `contract.CLAUSES`; none where nothing was measured.
        problems: why the environment is an Issue, beside its probes; one sentence each.
    """

    name: str
    environment_class: str
    facts: Facts | None
    measured: bool
    probes: tuple[Probe, ...]
    problems: tuple[str, ...]
    row: Row

    @property
    def status(self) -> str:
        """OK, Issue or Not run, by the rules of STG-03."""
        if self.problems or any(probe.status == "Issue" for probe in self.probes):
            return "Issue"
        return "OK" if self.measured else "Not run"


@dataclass(frozen=True)
class TopologyReport:
    """What a run found."""

    run_id: str
    environments: tuple[EnvironmentReport, ...]
    seconds: float
    evidence: Path
    log: Path

    @property
    def rows(self) -> tuple[Row, ...]:
        """STG-01's rows."""
        return tuple(environment.row for environment in self.environments)

    @property
    def violations(self) -> int:
        """Environments with an issue."""
        return sum(environment.status == "Issue" for environment in self.environments)


def run_topology(
    settings: Settings,
    request: TopologyRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[Detected | Probed], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> TopologyReport:
    """Measure and probe every environment, leaving one evidence record.

    Args:
        settings: the environments and the evidence store.
        request: what this run is asked to do.
        run_id: Dagster's; made up when there is none.
        on_event: receives every finding as it is made.
        should_stop: asked after every finding.
        echo: receives each line of the run's log as it is written.

    Raises:
        SettingsError: no such environment.
        Interrupted: should_stop said so.
    """
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode="execute", command=request.command(), echo=echo
    ) as recording:
        chosen = targets(settings, request.environments)
        recording.statements = STATEMENTS
        recording.parameters.update(environments=[target.name for target in chosen])
        recording.figures.update(environments={})

        def note(event: Detected | Probed) -> None:
            recording.log(line(event))
            on_event(event)

        measured = {
            target.name: progress.drive(measure(target), note, should_stop=should_stop)
            for target in _with_production(settings, chosen)
        }
        reports = tuple(_report(target, measured, settings, str(recording.record_path.name)) for target in chosen)
        for report in reports:
            recording.figures["environments"][report.name] = _figures(report)
        recording.outcome = "violations" if any(report.status == "Issue" for report in reports) else "complete"
        recording.identity = _identity(settings)
        if request.save:
            _save(request.save, reports, recording.record_path.name)
        report = TopologyReport(recording.run_id, reports, 0.0, recording.record_path, recording.log_path)
        for claim in claims(report):
            claim.support(recording)
    return replace(report, seconds=recording.seconds)


def _with_production(settings: Settings, chosen: tuple[Target, ...]) -> tuple[Target, ...]:
    """The chosen environments, and production's recorded facts to compare them with."""
    names = {target.name for target in chosen}
    others = [t for t in targets(settings) if t.declared.production and t.name not in names and t.declared.recorded]
    # Only the record: an environment that nobody asked for is not probed.
    return (*chosen, *(Target(t.name, t.environment_class, t.declared, _unreachable(t)) for t in others))


def _unreachable(target: Target) -> Settings:
    return target.settings.model_copy(update={"dsn": None})


def _report(target: Target, measured: dict[str, Measured], settings: Settings, record: str) -> EnvironmentReport:
    own = measured[target.name]
    production = next(
        (
            (name, found.facts)
            for name, found in measured.items()
            if found.facts and name in settings.environments and settings.environments[name].production
        ),
        None,
    )
    matches = compare(target.name, own.facts, production, is_production=target.declared.production)
    link = record if own.measured or target.declared.recorded is None else str(target.declared.recorded)
    return EnvironmentReport(
        target.name,
        target.environment_class,
        own.facts,
        own.measured,
        own.probes,
        own.problems,
        row(target, own.facts, matches, link),
    )


def _figures(report: EnvironmentReport) -> dict[str, object]:
    return {
        "status": report.status,
        "class": report.environment_class,
        "facts": report.facts,
        "measured": report.measured,
        "probes": list(report.probes),
        "problems": list(report.problems),
        "row": report.row.cells(),
        "differences": report.row.matches.paragraph,
    }


def _identity(settings: Settings) -> Identity | None:
    """Which database the process's own connection leads to; statement pooling and missing rights leave it open."""
    try:
        with opened(settings, OPERATION) as database:
            return database.identity()
    except OpsError:
        return None


def _save(directory: Path, reports: tuple[EnvironmentReport, ...], record: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for report in reports:
        if report.facts and report.measured:
            recorded.save(
                directory / f"{report.name}.json", report.name, report.facts, recorded_at=now, evidence=record
            )
