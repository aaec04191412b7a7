"""The archive: days of captured changes as Parquet that proves itself, and a purge that deletes only what it read back.

from threadline_ops.archive import WriteRequest, run_write, run_verify, GatedRequest, run_gated_purge
run_write(settings, WriteRequest())
run_gated_purge(settings, GatedRequest(execute=True))
"""

from threadline_ops.archive.account import GatedResult
from threadline_ops.archive.events import (
    DayArchived,
    DayVerified,
    DayWritten,
    ManifestWritten,
    Published,
    PurgeEvent,
    SliceDeleted,
    SliceDiffers,
    SliceKept,
    WriteEvent,
)
from threadline_ops.archive.gated import GatedReport, GatedRequest, run_gated_purge
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.run import WriteReport, WriteRequest, run_write
from threadline_ops.archive.seal import Blocker, Waiting
from threadline_ops.archive.verification import VerifyReport, run_verify

__all__ = [
    "Blocker",
    "DayArchived",
    "DayVerified",
    "DayWritten",
    "GatedReport",
    "GatedRequest",
    "GatedResult",
    "ManifestWritten",
    "Problem",
    "Published",
    "PurgeEvent",
    "SliceDeleted",
    "SliceDiffers",
    "SliceKept",
    "VerifyReport",
    "Waiting",
    "WriteEvent",
    "WriteReport",
    "WriteRequest",
    "run_gated_purge",
    "run_verify",
    "run_write",
]
