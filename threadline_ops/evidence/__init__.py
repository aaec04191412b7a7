"""Evidence: every run leaves one record of what it was asked, what it did, and where its log lies."""

from threadline_ops.evidence.recording import Recording, recording
from threadline_ops.evidence.store import Store

__all__ = ["Recording", "Store", "recording"]
