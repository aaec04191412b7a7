"""OpenTelemetry's SDK with its exporters in memory, set up once a process as the API demands."""

from __future__ import annotations

from functools import cache

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


@cache
def _set_up() -> tuple[InMemorySpanExporter, InMemoryMetricReader]:
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    return spans, reader


class Heard:
    """What reached the exporters since it was made."""

    def __init__(self) -> None:
        self._spans, self._reader = _set_up()
        self._spans.clear()
        self._before = self._points()

    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    def metric(self, name: str, **attributes: str) -> float:
        """The value of a metric, of a counter what was added, summed over points with these attributes."""
        total = 0.0
        for (found, marks), (value, is_sum) in self._points().items():
            if found == name and all(
                dict(marks).get(key.replace("_", ".")) == want for key, want in attributes.items()
            ):
                total += value - (self._before.get((found, marks), (0.0, True))[0] if is_sum else 0.0)
        return total

    def names(self) -> set[str]:
        return {name for name, _ in self._points()}

    def attributes(self) -> list[tuple[str, object]]:
        return [pair for _, marks in self._points() for pair in marks]

    def _points(self) -> dict[tuple[str, tuple[tuple[str, object], ...]], tuple[float, bool]]:
        data = self._reader.get_metrics_data()
        found = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        value = point.count if hasattr(point, "count") else point.value
                        marks = tuple(sorted((point.attributes or {}).items()))
                        found[metric.name, marks] = (float(value), not type(metric.data).__name__.startswith("Gauge"))
        return found
