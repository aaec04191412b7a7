"""What a topology check says about rows of the adoption backlog, each with its negative control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from threadline_ops import evidence
from threadline_ops.topology.detect import Mode
from threadline_ops.topology.rows import compare

if TYPE_CHECKING:
    from threadline_ops.topology.run import EnvironmentReport, TopologyReport


@dataclass(frozen=True)
class Claim:
    """One row of the backlog as this run found it.

    Attributes:
        row: the backlog's key, `section.item`.
        detail: one sentence; never a captured value.
        control: what was broken for the negative control.
        control_failed: the check noticed.
        facts: cells of the row's own table, by column.
    """

    row: str
    ok: bool
    detail: str
    control: str
    control_failed: bool
    facts: Mapping[str, str] = field(default_factory=dict[str, str])

    def support(self, recording: evidence.Recording) -> None:
        """Hand it to the run's record."""
        control = evidence.Control(self.control, self.control_failed)
        recording.support(self.row, ok=self.ok, detail=self.detail, control=control, facts=self.facts)


def claims(report: TopologyReport) -> Iterator[Claim]:
    """Claims for every environment that was measured; what was not measured claims nothing."""
    for environment in report.environments:
        if environment.measured:
            yield from _claims(environment)


def _claims(environment: EnvironmentReport) -> Iterator[Claim]:
    facts, cells = environment.facts, environment.row.cells()
    assert facts is not None
    probed = [probe for probe in environment.probes if probe.control_failed is not None]
    broken = [probe.sentence for probe in environment.probes if probe.status == "Issue"]
    yield Claim(
        "topology.chain_is_known",
        environment.status == "OK",
        f"{environment.name}: {cells['Chain']}, {facts.mode.value}"
        + (f"; does not hold: {'; '.join(broken)}" if broken else f"; {len(probed)} clauses hold"),
        "each clause in the case that must break it",
        bool(probed) and all(probe.control_failed for probe in probed),
        cells,
    )
    matches = environment.row.matches
    other = replace(facts, mode=Mode.session if facts.mode is not Mode.session else Mode.transaction)
    yield Claim(
        "topology.matches_production",
        # A partial match is fine once it says in writing what differs.
        matches.verdict == "yes" or (matches.verdict == "partial" and bool(matches.paragraph)),
        matches.paragraph or f"{environment.name} is equal to production in every fact",
        "the same facts compared with another pool mode",
        compare(environment.name, facts, ("altered", other), is_production=False).verdict == "no",
        cells,
    )
