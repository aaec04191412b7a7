"""Health of an audited database: tables, room, operations and backlog in one look."""

from threadline_ops.health import charts
from threadline_ops.health.look import Health, Point, Problem, Space, TableHealth, look
from threadline_ops.health.operations import WATCHED, OperationHealth, Run
from threadline_ops.health.page import forecast, page, place
from threadline_ops.health.run import HealthReport, run_health, write

__all__ = [
    "WATCHED",
    "Health",
    "HealthReport",
    "OperationHealth",
    "Point",
    "Problem",
    "Run",
    "Space",
    "TableHealth",
    "charts",
    "forecast",
    "look",
    "page",
    "place",
    "run_health",
    "write",
]
