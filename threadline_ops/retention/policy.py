"""The retention policy: the window, and the steps in which it is enforced."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from threadline_ops.errors import PolicyError
from threadline_ops.settings import RetentionSettings

#: A parameter array of this many ids stays below a few MB; larger batches gain nothing and lock for longer.
LARGEST_BATCH = 50_000


@dataclass(frozen=True)
class Policy:
    """What a purge may delete.

    Attributes:
        window: how long a change is kept, from its captured_at.
        enabled: the operator's standing consent; without it nothing is deleted.
        delete_empty_transactions: whether a transaction goes with its last change.
        batch_size: changes a batch, at most.
        max_batches: batches a run, at most; a run that stops there says that it is capped.
    """

    window: timedelta
    enabled: bool = False
    delete_empty_transactions: bool = True
    batch_size: int = 500
    max_batches: int = 10_000

    def __post_init__(self) -> None:
        if self.window <= timedelta(0):
            raise PolicyError("the window must be positive", got=str(self.window), fix="set retention.keep_days")
        if not 1 <= self.batch_size <= LARGEST_BATCH:
            raise PolicyError(
                f"batch_size must lie between 1 and {LARGEST_BATCH}",
                got=self.batch_size,
                fix="correct batch_size",
            )
        if self.max_batches < 1:
            raise PolicyError("max_batches must be at least 1", got=self.max_batches, fix="correct max_batches")

    @classmethod
    def from_settings(
        cls, settings: RetentionSettings, *, batch_size: int | None = None, max_batches: int | None = None
    ) -> Self:
        """The configured policy, with a run's own steps if it asks for any.

        Raises:
            PolicyError: no window is configured, or it exceeds what a date can hold, or the steps are absurd.
        """
        if (settings.keep_days is None) == (settings.max_age_seconds is None):
            raise PolicyError(
                "retention needs exactly one window",
                got={"keep_days": settings.keep_days, "max_age_seconds": settings.max_age_seconds},
                fix="set one of retention.keep_days and retention.max_age_seconds",
            )
        try:
            window = timedelta(days=settings.keep_days or 0, seconds=settings.max_age_seconds or 0)
        except OverflowError:
            raise PolicyError("the retention window is too long", fix="use at most 999,999,999 days") from None
        return cls(
            window=window,
            enabled=settings.enabled,
            delete_empty_transactions=settings.delete_empty_transactions,
            batch_size=settings.batch_size if batch_size is None else batch_size,
            max_batches=settings.max_batches if max_batches is None else max_batches,
        )

    def cutoff(self, now: datetime, requested: datetime | None = None) -> datetime:
        """The moment before which changes are expired.

        Args:
            now: the database's clock, aware.
            requested: an explicit cutoff; it may only be older than the policy's.

        Raises:
            PolicyError: the requested cutoff has no time zone or is newer than the policy allows.
        """
        try:
            limit = now - self.window
        except OverflowError:
            raise PolicyError(
                "the retention window reaches before the year 1",
                got=str(self.window),
                fix="shorten the window",
            ) from None
        if requested is None:
            return limit
        if requested.tzinfo is None:
            raise PolicyError(
                "the cutoff has no time zone",
                got=requested.isoformat(),
                fix="append Z or an offset such as +02:00",
            )
        if requested > limit:
            raise PolicyError(
                f"the cutoff is newer than the policy's, {limit.isoformat()}",
                got=requested.isoformat(),
                fix="ask for an older cutoff, or change the retention window",
            )
        return requested
