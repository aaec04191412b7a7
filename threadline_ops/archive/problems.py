"""What can be wrong with an archive."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written.

    Attributes:
        kind: "manifest" (edited or unreadable), "chain" (out of order, or an entry is gone), "truncated" (its end is
            gone), "missing", "altered" or "unreadable" (a file; the last one when the store fails), "rows" (a count),
            "digest" (a content), "live" (differs from the database).
        place: the file, or the day.
        text: for people; never a captured value.
    """

    kind: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"
