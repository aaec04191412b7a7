"""Retention: which captured changes are past their window, and their deletion in small committed steps.

The rules are Threadline's: a change is expired when its captured_at lies strictly before the cutoff,
evaluated per change; transactions that lose their last change go too.
"""

from threadline_ops.retention.events import (
    ActionsDeleted,
    BatchDeleted,
    PartitionDropped,
    Paused,
    PurgeEvent,
    PurgeResult,
    RangeSwept,
)
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.preview import Preview, preview
from threadline_ops.retention.purge import purge
from threadline_ops.retention.run import PurgeReport, PurgeRequest, run_purge

__all__ = [
    "ActionsDeleted",
    "BatchDeleted",
    "PartitionDropped",
    "Paused",
    "Policy",
    "Preview",
    "PurgeEvent",
    "PurgeReport",
    "PurgeRequest",
    "PurgeResult",
    "RangeSwept",
    "preview",
    "purge",
    "run_purge",
]
