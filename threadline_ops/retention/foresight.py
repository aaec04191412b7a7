"""How many batches a purge will take, and how long: what a dry run says about the work itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from threadline_ops import evidence
from threadline_ops.database import Database, Identity
from threadline_ops.errors import EvidenceError
from threadline_ops.evidence import Record, Store
from threadline_ops.retention.pace import TARGET_START
from threadline_ops.retention.partitions import Partition, leaves
from threadline_ops.retention.phases import spans_of
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope
from threadline_ops.retention.way import Way

#: Records looked through for an earlier purge, newest first: a store may hold hundreds of thousands.
LOOKED_THROUGH = 1_000
#: A purge of fewer changes is mostly connecting.
TELLING = 1_000


@dataclass(frozen=True)
class Rate:
    """Changes a second, the whole run over.

    Attributes:
        changes_per_second: deleted changes over wall seconds, the sweep and the rests included.
        basis: where that comes from, for people.
    """

    changes_per_second: float
    basis: str

    def seconds(self, changes: int) -> float:
        """How long so many take."""
        return changes / self.changes_per_second


#: What a purge did on a small machine with two cores and a plain disk. The first purge of a database replaces it.
ASSUMED = Rate(20_000, "assumed 20,000 changes/s: no earlier purge of this database is on record")


def rate_of(store: Store, identity: Identity, policy: Policy, operation: str) -> Rate | None:
    """The rate of the newest purge on record of this database that worked in the same way; None without one."""
    try:
        for sequence in islice(reversed(store.sequences()), LOOKED_THROUGH):
            found = _rate(evidence.find(store, str(sequence)), identity, policy, operation)
            if found is not None:
                return found
    except EvidenceError:
        return None  # the verification says what is wrong with the store; an estimate need not
    return None


def _rate(record: Record, identity: Identity, policy: Policy, operation: str) -> Rate | None:
    parameters, figures, database = (_section(record, name) for name in ("parameters", "figures", "database"))
    same = (
        (record.operation, record.mode) == (operation, "execute")
        and (database.get("system_identifier"), database.get("database"))
        == (identity.system_identifier, identity.database)
        and (parameters.get("gentle"), parameters.get("workers")) == (policy.gentle, policy.workers)
    )
    changes, seconds = figures.get("deleted_changes", 0), record.body.get("seconds", 0)
    if not same or changes < TELLING or seconds <= 0:
        return None
    rate = changes / seconds
    return Rate(rate, f"{rate:,.0f} changes/s, as run {record.run_id} had")


def _section(record: Record, name: str) -> dict[str, Any]:
    return record.body.get(name) or {}


def batches_of(
    database: Database,
    policy: Policy,
    scope: Scope,
    way: Way,
    whole: list[Partition],
    expired: int,
    *,
    holds: bool,
    rate: Rate,
) -> tuple[int, bool]:
    """How many batches delete something, and whether that is certain; to be called within a transaction.

    Args:
        database: the audited one.
        policy: the rules.
        scope: what may go.
        way: how the run will work.
        whole: partitions that go whole, outside any batch.
        expired: changes that may go.
        holds: whether the table of holds exists.
        rate: for sizes that adapt.
    """
    if policy.sizing is not None:
        target = min(policy.sizing.target, timedelta(seconds=TARGET_START)) if policy.gentle else policy.sizing.target
        ideal = round(rate.changes_per_second * target.total_seconds())
        size = max(policy.sizing.floor, min(policy.sizing.ceiling, ideal))
        return -(-expired // size), False
    oldest = database.one("retention/oldest_change")[0]
    spans = spans_of(scope, oldest, way.workers)
    dropped = leaves(database, whole) if whole else []
    if len(spans) == 1 and not dropped and not scope.windows and not scope.keeps_some(holds=holds):
        return -(-expired // policy.batch_size), True
    row = database.connection.execute(
        scope.statement(database, "retention/count_batches", holds=holds),
        scope.parameters
        | {"edges": [until for _, until in spans if until], "size": policy.batch_size, "dropped": dropped},
    ).fetchone()
    assert row is not None
    # Several workers divide what is left when the partitions have gone, which is not the same time.
    return row[0], not (dropped and len(spans) > 1)
