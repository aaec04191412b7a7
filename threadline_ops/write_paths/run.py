"""A whole run over the declared write paths, the same from the command line and from Dagster."""

from __future__ import annotations

import shlex
import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path

from threadline_ops import evidence, progress
from threadline_ops.capture import names
from threadline_ops.database import Database, opened
from threadline_ops.declared import WritePath
from threadline_ops.errors import OpsError, SettingsError
from threadline_ops.lock import single_flight
from threadline_ops.settings import Settings
from threadline_ops.topology.targets import Target, own
from threadline_ops.write_paths import leaks, observe
from threadline_ops.write_paths.checks import Check, Exercised, checks
from threadline_ops.write_paths.claims import claims
from threadline_ops.write_paths.exercise import exercise, missing_variables
from threadline_ops.write_paths.observer import witness

OPERATION = "write_path_probe"
STATEMENTS = ("write_paths/actions", "write_paths/actor_left_behind", "write_paths/horizon", "write_paths/transactions")
HEADINGS = ("Path", "Kind", "Status", "Evidence", "Notes")


@dataclass(frozen=True)
class ProbeRequest:
    """What one run is asked to do: these paths, or all of them."""

    paths: tuple[str, ...] = ()

    def command(self) -> str:
        """The command line that repeats this run."""
        return shlex.join(["threadline-ops", "probe", *(word for name in self.paths for word in ("--path", name))])


@dataclass(frozen=True)
class PathResult:
    """One path.

    Attributes:
        status: OK, Issue, Not run or N/A, by the rules of STG-03.
        notes: one sentence: the first issue, or why it was not run.
        correlation_id: of this exercise; empty where there was none.
        control_failed: a correlation id that nobody was given found nothing, as it must.
    """

    name: str
    kind: str
    status: str
    notes: str
    checks: tuple[Check, ...] = ()
    correlation_id: str = ""
    control_failed: bool | None = None
    seconds: float = 0.0
    evidence: str = ""

    def cells(self) -> dict[str, str]:
        """The row of STG-AUDITED-PATH-RUBRIC."""
        values = (self.name, "HTTP" if self.kind == "http" else "job", self.status, self.evidence, self.notes)
        return dict(zip(HEADINGS, values, strict=True))


@dataclass(frozen=True)
class ProbeReport:
    """What a run found."""

    run_id: str
    paths: tuple[PathResult, ...]
    seconds: float
    evidence: Path
    log: Path

    @property
    def violations(self) -> int:
        """Paths with an issue."""
        return sum(path.status == "Issue" for path in self.paths)


@dataclass(frozen=True)
class _Bench:
    """What every path of a run needs."""

    target: Target
    database: Database
    direct: Database
    record: str
    should_stop: Callable[[], bool] = field(repr=False)


def run_probes(
    settings: Settings,
    request: ProbeRequest,
    *,
    run_id: str | None = None,
    on_event: Callable[[PathResult], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    echo: Callable[[str], None] = lambda _: None,
) -> ProbeReport:
    """Exercise the write paths of the process's environment, leaving one evidence record.

    Args:
        settings: the paths, the environment and the evidence store.
        request: which paths.
        run_id: Dagster's; made up when there is none.
        on_event: receives every path's result.
        should_stop: asked after every path.
        echo: receives each line of the run's log as it is written.

    Raises:
        SettingsError: no such path.
        LockHeld: another probe is at work on this database.
        DatabaseError: the audited database cannot be used at all.
        Interrupted: should_stop said so.
    """
    with evidence.recording(
        settings, OPERATION, run_id=run_id, mode="execute", command=request.command(), echo=echo
    ) as recording:
        paths = _chosen(settings, request)
        target = own(settings)
        recording.statements = STATEMENTS
        recording.parameters.update(paths=[path.name for path in paths])
        recording.figures.update(paths={})
        results: list[PathResult] = []

        def note(result: PathResult) -> None:
            results.append(result)
            recording.figures["paths"][result.name] = result
            for line in _lines(result):
                recording.log(line)
            on_event(result)

        with (
            opened(target.settings, OPERATION) as database,
            opened(target.settings, OPERATION, direct=True) as direct,
            single_flight(target.settings, OPERATION, run_id=recording.run_id),
        ):
            database.require_audit_schema()
            recording.identity = database.identity()
            bench = _Bench(target, database, direct, recording.record_path.name, should_stop)
            progress.drive(probe(bench, paths), note, should_stop=should_stop)
        recording.outcome = "violations" if any(result.status == "Issue" for result in results) else "complete"
        report = ProbeReport(recording.run_id, tuple(results), 0.0, recording.record_path, recording.log_path)
        for claim in claims(report):
            claim.support(recording)
    return replace(report, seconds=recording.seconds)


def probe(bench: _Bench, paths: tuple[WritePath, ...]) -> Generator[PathResult, None, None]:
    """Exercise the paths one after the other; one that fails does not stop the next."""
    for path in paths:
        began = time.monotonic()
        try:
            yield _result(bench, path, began)
        except OpsError as error:
            yield PathResult(path.name, path.kind, "Issue", str(error), evidence=bench.record)


def _result(bench: _Bench, path: WritePath, began: float) -> PathResult:
    if path.not_applicable:
        return PathResult(path.name, path.kind, "N/A", path.not_applicable)
    reason = _reason_not_to(bench.target, path)
    if reason:
        return PathResult(path.name, path.kind, "Not run", reason)
    correlation_id = f"probe-{uuid.uuid4()}"
    done, control = _exercised(bench, path, correlation_id)
    found = checks(done)
    issues = [check for check in found if check.status == "Issue"]
    if not control:
        status, notes = "Issue", "a correlation id that nobody was given found audit rows: nothing here proves anything"
    else:
        status = "Issue" if issues else "OK"
        notes = "; ".join(check.observed for check in issues) or "captured, attributed, linked"
    seconds = round(time.monotonic() - began, 3)
    return PathResult(path.name, path.kind, status, notes, found, correlation_id, control, seconds, bench.record)


def _exercised(bench: _Bench, path: WritePath, correlation_id: str) -> tuple[Exercised, bool]:
    schema = bench.database.settings.audit_schema
    tables = [names.parse(write.split(" ", 1)[1], schema) for write in path.writes]
    writes = [f"{w.split(' ', 1)[0]} {t.schema}.{t.name}" for w, t in zip(path.writes, tables, strict=True)]
    unique = list(dict.fromkeys(tables))
    settings = bench.target.settings
    before, _, _ = leaks.look(settings)
    with witness(bench.direct, unique, allowed=bench.target.declared.observe_writes) as seen_by:
        start = observe.horizon(bench.database)
        answer = exercise(path, correlation_id, bench.database)
        sighting = observe.wait(
            bench.database, correlation_id, start, writes, timeout_s=path.timeout_s, should_stop=bench.should_stop
        )
        witnessed = seen_by.saw([transaction.txid for transaction in sighting.transactions])
    left, backends, pooled = leaks.look(settings)
    nobody = observe.look(bench.database, f"probe-{uuid.uuid4()}", start, writes)
    control = nobody.actions == 0 and all(transaction.by == "alone" for transaction in nobody.transactions)
    capture = {
        f"{table.schema}.{table.name}": rules
        for name, rules in settings.capture.tables.items()
        for table in (names.parse(name, schema),)
    }
    found = leaks.Leaks(left or before, before, backends, pooled)
    return Exercised(path, writes, answer, sighting, witnessed, found, capture), control


def _reason_not_to(target: Target, path: WritePath) -> str | None:
    """Why a path is not exercised here, if it is not."""
    if path.environments and target.name not in path.environments:
        return f"declared for {', '.join(path.environments)}, not for {target.name}"
    if not path.safe and not target.declared.allow_writes:
        return f"it writes, and environments.{target.name}.allow_writes is not true"
    if missing := missing_variables(path):
        return f"its headers need {', '.join(missing)} in the environment"
    return None


def _chosen(settings: Settings, request: ProbeRequest) -> tuple[WritePath, ...]:
    known = {path.name: path for path in settings.write_paths}
    if len(known) != len(settings.write_paths):
        raise SettingsError("two write paths have one name", fix="rename one of them")
    for name in request.paths:
        if name not in known:
            raise SettingsError(
                "there is no such write path", got=name, fix=f"use one of {', '.join(known) or 'none: declare it'}"
            )
    return tuple(known[name] for name in request.paths or known)


def _lines(result: PathResult) -> list[str]:
    first = f"{result.name}: {result.status}: {result.notes}"
    return [first, *(f"{result.name}: {c.status}: {c.sentence}: {c.observed}" for c in result.checks)]


def markdown(results: tuple[PathResult, ...]) -> str:
    """The rows of STG-AUDITED-PATH-RUBRIC as a table."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(result.cells().values() for result in results)]
    return "".join("| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in line) + " |\n" for line in lines)
