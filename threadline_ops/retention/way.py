"""How a run deletes empty transactions: in the batch that empties them, or by a sweep afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from threadline_ops.database import Database
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope
from threadline_ops.retention.steps import transaction_blocks

#: Below so many expired changes a run takes seconds either way, and emptying in the batch leaves nothing half done.
SMALL_PURGE = 50_000
#: A sweep reads every transaction at about a sixth of what one costs to be deleted in its batch.
WORTH_A_SWEEP = 6
#: Looking through so many blocks for what others left empty takes about a second.
SMALL_TABLE = 16_384


@dataclass(frozen=True)
class Way:
    """What a run will do.

    Attributes:
        emptied: transactions go in the batch that empties them.
        sweep: empty transactions are looked for afterwards.
        workers: connections that delete at a time.
    """

    emptied: bool
    sweep: bool
    workers: int


def way_of(database: Database, policy: Policy, scope: Scope, *, dropped: bool = False) -> Way:
    """Choose by the statistics; every choice deletes the same changes, and the same transactions that they empty.

    Several workers never empty in the batch: neither would see that the other deletes the rest of a transaction.

    Args:
        database: its statistics.
        policy: the rules.
        scope: what may go.
        dropped: whether partitions went whole; which transactions that left empty only a sweep can tell.
    """
    if not policy.delete_empty_transactions:
        return Way(emptied=False, sweep=False, workers=policy.workers)
    if policy.workers > 1 or policy.sweep == "always" or dropped:
        return Way(emptied=False, sweep=True, workers=policy.workers)
    if policy.sweep == "never":
        return Way(emptied=True, sweep=False, workers=1)
    with database.transaction(read_only=True):
        changes, transactions = database.one("retention/sizes", {"audit": database.settings.audit_schema})
        plan = database.one("retention/estimate_expired", {"until": scope.until})[0]
    expired = int(plan[0]["Plan"]["Plan Rows"])
    touched = expired * transactions / max(changes, 1)
    if expired >= SMALL_PURGE and touched * WORTH_A_SWEEP >= transactions > 0:
        return Way(emptied=False, sweep=True, workers=1)
    return Way(emptied=True, sweep=transaction_blocks(database) <= SMALL_TABLE, workers=1)
