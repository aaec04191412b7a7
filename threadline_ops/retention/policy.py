"""The retention policy: the window, and the steps in which it is enforced."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Self

from threadline_ops.errors import PolicyError
from threadline_ops.retention.hours import Hours
from threadline_ops.retention.sizing import Limits
from threadline_ops.sections import RetentionSettings

Sweep = Literal["auto", "always", "never"]
Partitions = Literal["auto", "never"]

#: A parameter array of this many ids stays below a few MB; larger batches gain nothing and lock for longer.
LARGEST_BATCH = 50_000
#: Beyond this the server's WAL is the limit, and writers wait for it.
MOST_WORKERS = 16


@dataclass(frozen=True)
class Policy:
    """What a purge may delete.

    Attributes:
        window: how long a change is kept, from its captured_at.
        enabled: the operator's standing consent; without it nothing is deleted.
        delete_empty_transactions: whether a transaction goes with its last change.
        batch_size: changes a batch, at most; with `sizing`, where it starts.
        max_batches: batches a run, at most; a run that stops there says that it is capped.
        sizing: how the batch size may change while a run works; None keeps it fixed.
        workers: connections that delete at a time, on disjoint slices of time.
        sweep: whether empty transactions are looked for in ranges after the changes went. "always" is the quickest
            way when much goes; "never" deletes them in their batch, looking at no other; "auto" chooses.
        tables: windows of tables that have their own, by (schema, table).
        keep_current: whether the newest change of every living row stays, whatever its age.
        max_duration: how long a run may take; one that stops there is capped.
        gentle: give way to writers.
        latency_ratio: how much slower than without the purge a small commit beside it may be, when gentle.
        partitions: whether whole expired partitions of audit_changes are dropped ("auto": where that is possible).
        delete_actions: whether actions go that are older than the window and belong to no transaction any more.
        hours: when a run may work; one that begins outside is refused, one that reaches their end is capped.
        require_archive: only the purge of the archive may delete; see docs/archive.md.
    """

    window: timedelta
    enabled: bool = False
    delete_empty_transactions: bool = True
    batch_size: int = 500
    max_batches: int = 10_000
    sizing: Limits | None = None
    workers: int = 1
    sweep: Sweep = "auto"
    tables: dict[tuple[str, str], timedelta] = field(default_factory=dict[tuple[str, str], timedelta])
    keep_current: bool = False
    max_duration: timedelta | None = None
    gentle: bool = False
    latency_ratio: float = 1.5
    partitions: Partitions = "auto"
    delete_actions: bool = False
    hours: Hours | None = None
    require_archive: bool = False

    def __post_init__(self) -> None:
        if self.window <= timedelta(0):
            raise PolicyError("the window must be positive", got=str(self.window), fix="set retention.keep_days")
        if not 1 <= self.batch_size <= LARGEST_BATCH:
            raise PolicyError(
                f"batch_size must lie between 1 and {LARGEST_BATCH}",
                got=self.batch_size,
                fix="correct batch_size",
            )
        if not 1 <= self.workers <= MOST_WORKERS:
            raise PolicyError(f"workers must lie between 1 and {MOST_WORKERS}", got=self.workers, fix="correct workers")
        if self.max_batches < 1:
            raise PolicyError("max_batches must be at least 1", got=self.max_batches, fix="correct max_batches")

    @classmethod
    def from_settings(
        cls,
        settings: RetentionSettings,
        *,
        batch_size: int | None = None,
        max_batches: int | None = None,
        workers: int | None = None,
        full_speed: bool = False,
    ) -> Self:
        """The configured policy, with a run's own steps if it asks for any; a batch size it asks for stays fixed.

        Raises:
            PolicyError: no window is configured, or it exceeds what a date can hold, or the steps are absurd.
        """
        if (settings.keep_days is None) == (settings.max_age_seconds is None):
            raise PolicyError(
                "retention needs exactly one window",
                got={"keep_days": settings.keep_days, "max_age_seconds": settings.max_age_seconds},
                fix="set one of retention.keep_days and retention.max_age_seconds",
            )
        limits = Limits(
            timedelta(milliseconds=settings.target_batch_ms), settings.smallest_batch, settings.largest_batch
        )
        return cls(
            window=_window(settings.keep_days or 0, settings.max_age_seconds or 0),
            enabled=settings.enabled,
            delete_empty_transactions=settings.delete_empty_transactions,
            batch_size=settings.batch_size if batch_size is None else batch_size,
            max_batches=settings.max_batches if max_batches is None else max_batches,
            sizing=limits if settings.adaptive and batch_size is None else None,
            workers=settings.workers if workers is None else workers,
            sweep=settings.sweep,
            tables={_table(name): _window(own.keep_days, 0) for name, own in settings.tables.items()},
            keep_current=settings.keep_current,
            max_duration=timedelta(minutes=settings.max_duration_min) if settings.max_duration_min else None,
            gentle=settings.gentle and not full_speed,
            latency_ratio=settings.latency_ratio,
            partitions=settings.partitions,
            delete_actions=settings.delete_actions,
            hours=Hours.parse(settings.hours, settings.hours_zone) if settings.hours else None,
            require_archive=settings.require_archive,
        )

    def require_ungated(self) -> None:
        """Refuse a purge that does not compare what it deletes with the archive, where the policy asks for that.

        Raises:
            PolicyError: it does.
        """
        if self.require_archive:
            raise PolicyError(
                "this policy deletes only what was read back from the archive",
                got={"require_archive": True},
                fix="run threadline-ops archive purge, or set retention.require_archive = false",
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


def _window(days: int, seconds: int) -> timedelta:
    try:
        return timedelta(days=days, seconds=seconds)
    except OverflowError:
        raise PolicyError("the retention window is too long", fix="use at most 999,999,999 days") from None


def _table(name: str) -> tuple[str, str]:
    schema, dot, table = name.partition(".")
    if not (schema and dot and table):
        raise PolicyError(
            "a table's window needs schema.table", got=name, fix='write [retention.tables."public.orders"]'
        )
    return schema, table
