"""Spreads the demo's captured history over months that it did not take.

This rewrites times that capture recorded, which nobody may do to a real audit trail. It exists so that a
retention policy has something to let go of, and refuses every database that the demo did not make.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from threadline_ops.database import Database
from threadline_ops.demo.marker import require_demo
from threadline_ops.errors import SettingsError
from threadline_ops.server_errors import translated

SPAN = timedelta(days=120)
#: A transaction that took longer would look like two that were taken for one. In the demo's month, the largest
#: transactions reach one and a half hours.
LONGEST_TRANSACTION = timedelta(hours=2)
NOTICE = (
    "the demo has rewritten the times of its own captured history to span months; "
    "no other command can do this, and not to another database"
)


@dataclass(frozen=True)
class HistoryRewritten:
    """The times of the demo's history are no longer those at which capture recorded it."""

    changes: int
    transactions: int
    actions: int
    oldest: datetime | None
    newest: datetime | None
    notice: str = NOTICE


def age(database: Database, *, span: timedelta = SPAN) -> Generator[HistoryRewritten, None, HistoryRewritten]:
    """Spread the changes evenly over a span that ends now by the database's clock, in the order they have.

    A transaction's changes stay next to each other, and nearly every cutoff within the span falls between the
    changes of one transaction, so that its purge leaves a part. Actions and transactions move with their
    changes; those without a change stay.

    Args:
        database: the demo's.
        span: how far back the oldest change moves.

    Raises:
        UnsafeDatabase: the database is not the demo's.
        SettingsError: the span is not positive.
    """
    if span <= timedelta(0):
        raise SettingsError("a history spreads over a positive time", got=str(span), fix="give a longer span")
    require_demo(database)
    with database.transaction(statement_timeout_ms=0) as connection:
        connection.execute(database.statement("demo/lock_history"))
        now = cast("datetime", database.one("database/now")[0])
        window = {
            "start": now - span,
            "seconds": span.total_seconds(),
            "longest": LONGEST_TRANSACTION.total_seconds(),
        }
        rewritten = HistoryRewritten(*database.one("demo/spread_history", window))
    with translated():  # VACUUM runs outside of transactions only
        database.connection.execute(database.statement("demo/vacuum_history"))
    yield rewritten
    return rewritten
