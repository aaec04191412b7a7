"""The three events that Threadline's users know, as metrics and as events of the span at hand."""

from __future__ import annotations

from opentelemetry import trace

from threadline_ops.telemetry.instruments import COMMITTED, RECORDED


def transaction_committed() -> None:
    """A transaction with an actor was committed.

    Threadline's own event counts the tables as well; here an application's role has no right to read what was
    captured, so nobody could count them without a query of the audit tables' owner.
    """
    COMMITTED.add(1)
    trace.get_current_span().add_event("threadline.transaction.committed")


def action_recorded(status: str) -> None:
    """The application recorded an action; `status` is "ok" or "error"."""
    RECORDED.add(1, {"threadline.status": status})
    trace.get_current_span().add_event("threadline.action.recorded", {"status": status})


def health_checked(covered: int, uncovered: int) -> None:
    """A coverage check ran: how many tables are captured, and how many are not."""
    trace.get_current_span().add_event("threadline.health.checked", {"covered": covered, "uncovered": uncovered})
