"""Reads that answer a support question: who changed this row, when, in which action, and what was it before.

Each read returns typed records; `frame` turns them into a pandas DataFrame.
"""

from threadline_ops.investigate.asof import AsOf, Baseline, Earlier, Kept, as_of, purged_before
from threadline_ops.investigate.diff import ChangeDiff, FieldDiff, diff
from threadline_ops.investigate.frames import frame
from threadline_ops.investigate.keys import key_variants, parse_key
from threadline_ops.investigate.reads import actor, change, history, timeline, transaction
from threadline_ops.investigate.records import ChangeRecord, TransactionDetail, TransactionRecord

__all__ = [
    "AsOf",
    "Baseline",
    "ChangeDiff",
    "ChangeRecord",
    "Earlier",
    "FieldDiff",
    "Kept",
    "TransactionDetail",
    "TransactionRecord",
    "actor",
    "as_of",
    "change",
    "diff",
    "frame",
    "history",
    "key_variants",
    "parse_key",
    "purged_before",
    "timeline",
    "transaction",
]
