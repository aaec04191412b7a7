"""Steering a purge while it works: a row in the operations schema that it reads again between batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from threadline_ops.database import Database
from threadline_ops.errors import PolicyError
from threadline_ops.retention.holds import make_schema
from threadline_ops.retention.policy import LARGEST_BATCH


@dataclass(frozen=True)
class Control:
    """What operators ask of running purges.

    Attributes:
        paused: rest until this changes.
        reason: why, for the run's log.
        batch_size: instead of the run's own.
        full_speed: do not give way to writers, though the run was started gentle.
        changed_by: the role that changed it last.
        changed_at: when.
    """

    paused: bool = False
    reason: str | None = None
    batch_size: int | None = None
    full_speed: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None


def control(database: Database) -> Control:
    """What is asked at present."""
    with database.transaction(read_only=True) as connection:
        if not database.one("control/exists", {"ops": database.settings.operations_schema})[0]:
            return Control()
        statement = database.statement("control/get")
        row = connection.execute(statement).fetchone()
    return Control(*row) if row else Control()


def steer(
    database: Database,
    *,
    paused: bool,
    reason: str | None = None,
    batch_size: int | None = None,
    full_speed: bool = False,
) -> Control:
    """Ask running and later purges to rest, to take another batch size, or to stop giving way.

    Raises:
        PolicyError: the batch size is out of bounds.
        DatabaseError: the role may not.
    """
    if batch_size is not None and not 1 <= batch_size <= LARGEST_BATCH:
        raise PolicyError(
            f"batch_size must lie between 1 and {LARGEST_BATCH}", got=batch_size, fix="correct batch_size"
        )
    ops = database.settings.operations_schema
    with database.transaction() as connection:
        if not database.one("control/exists", {"ops": ops})[0]:
            make_schema(database)
            connection.execute(database.statement("control/create_table"))
        connection.execute(
            database.statement("control/set"),
            {"paused": paused, "reason": reason, "batch_size": batch_size, "full_speed": full_speed},
        )
    return control(database)
