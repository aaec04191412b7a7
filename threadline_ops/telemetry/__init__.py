"""Telemetry: spans and metrics of every run, and the events of Threadline, through OpenTelemetry's API.

Without an SDK all of it does nothing. Only counts, durations and names leave: never a captured value.
"""

from threadline_ops.telemetry.events import action_recorded, health_checked, transaction_committed
from threadline_ops.telemetry.exporting import Delivery, delivery
from threadline_ops.telemetry.instruments import FIGURES, Measure
from threadline_ops.telemetry.runs import observed

__all__ = [
    "FIGURES",
    "Delivery",
    "Measure",
    "action_recorded",
    "delivery",
    "health_checked",
    "observed",
    "transaction_committed",
]
