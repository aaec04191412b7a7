"""Evidence: every run leaves one record of what it was asked, what it did, and where its log lies."""

from threadline_ops.evidence.claims import Claim, Control, Finding, Severity, control
from threadline_ops.evidence.record import RECORD_VERSION, Record, find, records
from threadline_ops.evidence.recording import Recording, recording
from threadline_ops.evidence.store import Head, Store, store_of
from threadline_ops.evidence.verify import Problem, Verification, verify

__all__ = [
    "RECORD_VERSION",
    "Claim",
    "Control",
    "Finding",
    "Head",
    "Problem",
    "Record",
    "Recording",
    "Severity",
    "Store",
    "Verification",
    "control",
    "find",
    "recording",
    "records",
    "store_of",
    "verify",
]
