"""Continuity: an honest baseline of rows from before T0, and proof that nothing slipped past capture.

History is never made up: a baseline lies outside audit_changes, and what is not known is said to be unknown.
"""

from threadline_ops.continuity.baseline import take
from threadline_ops.continuity.completeness import Counters, Estimate, Trail, reading
from threadline_ops.continuity.events import (
    BaselineEvent,
    BaselineResult,
    ChunkWritten,
    Rested,
    RowsVerified,
    VerifyResult,
)
from threadline_ops.continuity.readiness import Readiness, readiness, tables
from threadline_ops.continuity.recall import Baselines
from threadline_ops.continuity.run import BaselineReport, VerifyReport, run_baseline, run_verify
from threadline_ops.continuity.store import Store, store
from threadline_ops.continuity.verification import verify

__all__ = [
    "BaselineEvent",
    "BaselineReport",
    "BaselineResult",
    "Baselines",
    "ChunkWritten",
    "Counters",
    "Estimate",
    "Readiness",
    "Rested",
    "RowsVerified",
    "Store",
    "Trail",
    "VerifyReport",
    "VerifyResult",
    "readiness",
    "reading",
    "run_baseline",
    "run_verify",
    "store",
    "tables",
    "take",
    "verify",
]
