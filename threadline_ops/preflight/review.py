"""Is the redaction policy in force the one that was signed off?"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

import rfc8785

from threadline_ops.sections import CaptureSettings, ReviewSettings

#: A review is repeated once a year; the backlog's row expires likewise.
VALID = timedelta(days=365)


def policy_sha256(capture: CaptureSettings) -> str:
    """The hash to sign: every column's treatment in every table, in canonical form."""
    return hashlib.sha256(rfc8785.dumps(capture.model_dump(mode="json"))).hexdigest()


def objection(capture: CaptureSettings, review: ReviewSettings, today: date) -> str | None:
    """Why the sign-off does not hold for this policy today, or None if it does."""
    signed = date.fromisoformat(review.date)
    if review.policy_sha256 != policy_sha256(capture):
        return f"the policy has changed since {review.reviewer} reviewed it on {review.date}"
    if signed > today:
        return f"the review is dated {review.date}, which is to come"
    if signed + VALID <= today:
        return f"the review of {review.date} is older than {VALID.days} days"
    return None
