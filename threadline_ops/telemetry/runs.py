"""A span and its metrics for every run; hooked into the recording of evidence, so that no operation can forget."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode

from threadline_ops.telemetry.exporting import configure, flush
from threadline_ops.telemetry.instruments import DURATION, SCOPE, measure_figures


@dataclass
class Observation:
    """The run at hand, as telemetry sees it.

    Attributes:
        attributes: of the span and of every metric; names and words of ours only.
    """

    span: Span
    attributes: dict[str, str]

    def end(
        self, outcome: str, seconds: float, figures: Mapping[str, Any], database: str | None, error: str | None
    ) -> None:
        """Say how the run ended.

        Args:
            outcome: in the operation's own words.
            seconds: how long it took.
            figures: what it did.
            database: the audited database's name, once known.
            error: the class of the exception that ended it.
        """
        failed = {"error.type": error} if error else {}
        self.span.set_attributes({"threadline.outcome": outcome, **failed})
        if database is not None:
            self.span.set_attributes({"db.system.name": "postgresql", "db.namespace": database})
        for name, value in figures.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                self.span.set_attribute(f"threadline.figure.{name}", value)
        if error:
            self.span.set_status(Status(StatusCode.ERROR, outcome))
        DURATION.record(seconds, {**self.attributes, "threadline.outcome": outcome, **failed})
        measure_figures(figures, self.attributes)


@contextmanager
def observed(operation: str, *, mode: str, environment: str, run_id: str) -> Generator[Observation]:
    """A span around a run; at its end everything is handed to the exporters, because the process may end next.

    Args:
        operation: its name, which is the span's as well.
        mode: dry_run, execute or check.
        environment: which installation.
        run_id: ties the span to the run's evidence.
    """
    configure()
    attributes = {
        "threadline.operation": operation,
        "threadline.mode": mode,
        "deployment.environment.name": environment,
    }
    tracer = trace.get_tracer(SCOPE)
    try:
        # No exception is recorded by itself: its text is ours to choose, and goes to the evidence.
        with tracer.start_as_current_span(
            f"threadline.{operation}",
            attributes={**attributes, "threadline.run_id": run_id},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield Observation(span, attributes)
    finally:
        flush()
