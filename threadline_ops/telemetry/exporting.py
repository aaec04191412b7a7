"""Exporters, set up from OpenTelemetry's own environment variables when the `telemetry` extra is installed."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from opentelemetry import metrics, trace

_LOGGER = logging.getLogger(__name__)

#: Any of these asks for export; without one nothing is sent anywhere.
_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
#: A run that is over does not wait longer than this for a receiver, in milliseconds.
_PATIENCE_MS = 5_000
#: Nothing listens on the discard port of loopback; where something does, the control says so.
_NOWHERE = "http://127.0.0.1:9/v1/traces"


@dataclass(frozen=True)
class Delivery:
    """Whether a span that was sent for this purpose arrived.

    Attributes:
        arrived: the configured receiver took it.
        noticed: one sent to where nothing listens was reported as lost.
    """

    arrived: bool
    noticed: bool


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment names a receiver and does not switch telemetry off."""
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not off and any(environment.get(name) for name in _ENDPOINTS)


@cache
def configure() -> bool:
    """Set up OTLP over HTTP once a process, if the environment asks for it and nobody else has done so.

    Returns:
        Whether the exporters are ours.
    """
    if not wanted():
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _LOGGER.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing is sent: install threadline-ops[telemetry]")
        return False
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return False  # an agent, such as opentelemetry-instrument, was first
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over these.
    name = os.environ.get("OTEL_SERVICE_NAME") or "threadline-ops"
    resource = Resource.create({"service.name": name})
    spans = TracerProvider(resource=resource)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(spans)
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource))
    return True


def flush() -> None:
    """Hand over what waits, for a bounded time: the process of a run ends with it."""
    if not configure():
        return
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        send = getattr(provider, "force_flush", None)
        if send is not None:
            send(_PATIENCE_MS)


def delivery() -> Delivery | None:
    """Send one span and see it accepted, then one to nowhere and see it refused; None where nothing is exported."""
    if not configure():
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult

    span = trace.get_tracer("threadline_ops").start_span("threadline.delivery")
    span.end()
    assert isinstance(span, ReadableSpan)
    arrived = OTLPSpanExporter(timeout=_PATIENCE_MS / 1000).export([span])
    quiet = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    before, quiet.disabled = quiet.disabled, True
    try:
        lost = OTLPSpanExporter(endpoint=_NOWHERE, timeout=1).export([span])
    finally:
        quiet.disabled = before
    return Delivery(arrived is SpanExportResult.SUCCESS, lost is SpanExportResult.FAILURE)
