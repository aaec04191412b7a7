"""The adoption pilot backlog: row by row, what the runs prove about an audited setup."""

from threadline_ops.backlog.catalogue import BY_KEY, ROWS, SECTIONS, Row
from threadline_ops.backlog.run import Checked, Rendered, check_backlog, load, render_backlog
from threadline_ops.backlog.status import Backlog, RowStatus

__all__ = [
    "BY_KEY",
    "ROWS",
    "SECTIONS",
    "Backlog",
    "Checked",
    "Rendered",
    "Row",
    "RowStatus",
    "check_backlog",
    "load",
    "render_backlog",
]
