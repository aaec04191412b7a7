"""Every metric by name, and which figure of a run's record feeds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from opentelemetry import metrics

SCOPE = "threadline_ops"
_METER = metrics.get_meter(SCOPE)

#: From a probe that takes a moment to a purge that takes the night, in seconds.
_BOUNDARIES = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400)

DURATION = _METER.create_histogram(
    "threadline.operation.duration",
    unit="s",
    description="How long a run took, by operation, mode and outcome.",
    explicit_bucket_boundaries_advisory=_BOUNDARIES,
)
COMMITTED = _METER.create_counter(
    "threadline.transaction.committed", unit="{transaction}", description="Transactions committed with an actor."
)
RECORDED = _METER.create_counter(
    "threadline.action.recorded", unit="{action}", description="Actions recorded by the application, by status."
)


@dataclass(frozen=True)
class Measure:
    """A figure of a run that is a metric as well.

    Attributes:
        figure: its path in the record's figures, with dots.
        name: of the metric.
        kind: a counter adds every run's figure up, a gauge keeps the newest.
        severity: attribute of metrics that differ by it alone.
    """

    figure: str
    name: str
    kind: Literal["counter", "gauge"]
    unit: str
    description: str
    severity: str | None = None


FIGURES = (
    Measure("deleted_changes", "threadline.purge.changes", "counter", "{change}", "Changes that purges deleted."),
    Measure(
        "deleted_transactions",
        "threadline.purge.transactions",
        "counter",
        "{transaction}",
        "Transactions that purges deleted.",
    ),
    Measure(
        "remaining_changes",
        "threadline.purge.remaining",
        "gauge",
        "{change}",
        "Expired changes that the newest purge left.",
    ),
    Measure("expired_changes", "threadline.purge.expired", "gauge", "{change}", "Expired changes, as a dry run saw."),
    Measure("rows", "threadline.operation.rows", "counter", "{row}", "Rows that exports and baselines read."),
    Measure("bytes", "threadline.operation.size", "counter", "By", "Bytes that runs wrote."),
    Measure("gaps", "threadline.verify.gaps", "gauge", "{row}", "Rows that the newest verification could not explain."),
    Measure("covered", "threadline.health.covered", "gauge", "{table}", "Tables whose changes are captured."),
    Measure("uncovered", "threadline.health.uncovered", "gauge", "{table}", "Tables whose changes are not captured."),
    Measure("violations", "threadline.health.violations", "gauge", "{table}", "Expected tables that are not covered."),
    Measure("growth.bytes", "threadline.audit.size", "gauge", "By", "Size of the audit tables."),
    Measure(
        "growth.changes_last_day", "threadline.audit.changes", "gauge", "{change}", "Changes captured in the last day."
    ),
    *(
        Measure(severity, "threadline.health.findings", "gauge", "{finding}", "Findings of the doctor.", severity)
        for severity in ("P0", "P1", "P2")
    ),
)

_INSTRUMENTS = {
    measure.name: (_METER.create_counter if measure.kind == "counter" else _METER.create_gauge)(
        measure.name, unit=measure.unit, description=measure.description
    )
    for measure in {measure.name: measure for measure in FIGURES}.values()
}


def measure_figures(figures: Mapping[str, Any], attributes: Mapping[str, str]) -> None:
    """Feed the metrics from a run's figures; those that it does not have are left alone."""
    for measure in FIGURES:
        value = _at(figures, measure.figure)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        marks = {**attributes, **({"threadline.severity": measure.severity} if measure.severity else {})}
        instrument = _INSTRUMENTS[measure.name]
        if isinstance(instrument, metrics.Counter):
            instrument.add(value, marks)
        else:
            instrument.set(value, marks)


def _at(figures: Mapping[str, Any], path: str) -> object:
    found: object = figures
    for part in path.split("."):
        found = cast("Mapping[str, object]", found).get(part) if isinstance(found, Mapping) else None
    return found
