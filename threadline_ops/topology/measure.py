"""One environment's chain and contract, as a generator of findings."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from threadline_ops.errors import OpsError, TopologyError
from threadline_ops.topology import contract, recorded
from threadline_ops.topology.contract import Probe
from threadline_ops.topology.detect import Facts, Mode, detect
from threadline_ops.topology.targets import Target


@dataclass(frozen=True)
class Detected:
    """An environment's chain is known, or why it is not."""

    environment: str
    facts: Facts | None
    reason: str


@dataclass(frozen=True)
class Probed:
    """One clause was probed in an environment."""

    environment: str
    probe: Probe


@dataclass(frozen=True)
class Measured:
    """What an environment's chain and contract came to; the facts may be a record's."""

    facts: Facts | None
    measured: bool
    probes: tuple[Probe, ...]
    problems: tuple[str, ...]


def measure(target: Target) -> Generator[Detected | Probed, None, Measured]:
    """Detect one environment's chain and probe its contract; an environment that is away is a finding, no error."""
    if not target.reachable:
        return (yield from _from_record(target))
    try:
        facts = detect(target)
    except OpsError as error:
        yield Detected(target.name, None, str(error))
        return Measured(None, False, (), (str(error),))
    yield Detected(target.name, facts, facts.how)
    work = contract.probe(target, facts)
    probes: list[Probe] = []
    for done in work:
        probes.append(done)
        yield Probed(target.name, done)
    return Measured(facts, True, tuple(probes), _problems(facts))


def _from_record(target: Target) -> Generator[Detected, None, Measured]:
    path = target.declared.recorded
    if path is None:
        yield Detected(target.name, None, "there is no connection string for it here, and no recorded facts")
        return Measured(None, False, (), ())
    try:
        facts = recorded.load(path, target.name)
    except TopologyError as error:
        yield Detected(target.name, None, str(error))
        return Measured(None, False, (), (str(error),))
    yield Detected(target.name, facts, "as recorded there")
    return Measured(facts, False, (), ())


def _problems(facts: Facts) -> tuple[str, ...]:
    problems: list[str] = []
    if facts.mode is Mode.statement:
        problems.append("statement pooling refuses transactions, so no audited write can carry an actor")
    if facts.mode is Mode.unknown:
        problems.append("the pool mode could not be told")
    if facts.console_agrees is False:
        problems.append("the console's pool mode is not what connections see")
    return tuple(problems)


def line(event: Detected | Probed) -> str:
    """The event as a line of the run's log."""
    if isinstance(event, Probed):
        probe = event.probe
        return f"{event.environment}: {probe.status}: {probe.sentence}: {probe.observed}"
    if event.facts is None:
        return f"{event.environment}: not established: {event.reason}"
    return f"{event.environment}: {event.facts.mode.value}, {event.facts.product}: {event.reason}"
