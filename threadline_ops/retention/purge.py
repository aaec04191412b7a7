"""The purge: expired changes go in slices by key, each with the transactions that it emptied."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError, PolicyError
from threadline_ops.retention.policy import Policy

#: What runs against the audit tables, in order; evidence quotes these files by hash.
STATEMENTS = (
    "retention/row_security_off",
    "retention/next_slice",
    "retention/delete_slice",
    "retention/delete_emptied_transactions",
    "retention/expired_remain",
)

_NIL_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class BatchDeleted:
    """One committed batch.

    Attributes:
        batch: its number, from 1.
        deleted_changes: changes deleted by it.
        deleted_transactions: transactions deleted by it.
        total_changes: changes deleted by the run so far.
        total_transactions: transactions deleted by the run so far.
        duration: from the start of the database transaction to its commit.
    """

    batch: int
    deleted_changes: int
    deleted_transactions: int
    total_changes: int
    total_transactions: int
    duration: timedelta


@dataclass(frozen=True)
class PurgeResult:
    """What a purge did.

    Attributes:
        cutoff: changes captured strictly before it were expired.
        deleted_changes: over all batches.
        deleted_transactions: over all batches.
        batches: how many deleted something.
        outcome: "complete" when no expired change is left, "capped" when max_batches ended the run before.
        remaining_changes: expired changes that are left.
    """

    cutoff: datetime
    deleted_changes: int
    deleted_transactions: int
    batches: int
    outcome: Literal["complete", "capped"]
    remaining_changes: int


@dataclass(frozen=True)
class _Key:
    """A place in the order of (captured_at, id), as text."""

    time: str
    id: str


def purge(
    database: Database,
    policy: Policy,
    *,
    now: datetime,
    execute: bool,
    cutoff: datetime | None = None,
    before_batch: Callable[[], None] = lambda: None,
) -> Generator[BatchDeleted, None, PurgeResult]:
    """Delete expired changes and the transactions that they leave empty; permanent.

    Each batch is one database transaction, committed before its event is yielded.

    Args:
        database: the audited database, as a role that sees every row.
        policy: the window and the steps; it must be enabled.
        now: the database's clock, from which the cutoff is computed.
        execute: the operator's consent to delete; there is no default.
        cutoff: an older cutoff than the policy's.
        before_batch: called outside any transaction; raises to stop the run.

    Raises:
        PolicyError: not enabled, no consent, or a cutoff that the policy does not allow.
        UnsafeDatabase: row-level security hides rows, or this is a standby.
        DatabaseError: the server refused a batch; earlier ones are kept.
    """
    if not (policy.enabled and execute):
        raise PolicyError(
            "a purge needs both consents",
            got={"enabled": policy.enabled, "execute": execute},
            fix="set retention.enabled = true and ask to execute",
        )
    limit = policy.cutoff(now, cutoff)
    check_role(database)
    after = _Key("-infinity", _NIL_UUID)
    changes = transactions = batch = 0
    while batch < policy.max_batches:
        before_batch()
        started = time.monotonic()
        step = _delete_batch(database, policy, limit, after)
        if step is None:
            break
        after, deleted_changes, deleted_transactions = step
        batch += 1
        changes += deleted_changes
        transactions += deleted_transactions
        duration = timedelta(seconds=time.monotonic() - started)
        yield BatchDeleted(batch, deleted_changes, deleted_transactions, changes, transactions, duration)
    remaining = _remaining(database, limit)
    outcome = "capped" if remaining else "complete"
    return PurgeResult(limit, changes, transactions, batch, outcome, remaining)


def check_role(database: Database) -> None:
    """Make sure, before the first batch, that this connection may purge at all.

    Raises:
        UnsafeDatabase: a standby.
        DatabaseError: a privilege is missing; the message lists which.
    """
    database.require_writable()
    with database.transaction(read_only=True):
        missing = database.one("retention/privileges", {"schema": database.settings.audit_schema})[0]
    if missing:
        raise DatabaseError(
            f"this role may not purge: it lacks {', '.join(missing)}",
            fix="grant these to the role, or purge as the owner of the audit tables",
        )


def _delete_batch(database: Database, policy: Policy, cutoff: datetime, after: _Key) -> tuple[_Key, int, int] | None:
    """One slice in one transaction: its last key and what went, or None when nothing expired is left."""
    bounds = {"after_time": after.time, "after_id": after.id, "cutoff": cutoff}
    with database.transaction() as connection:
        database.one("retention/row_security_off")
        last = connection.execute(
            database.statement("retention/next_slice"), bounds | {"batch_size": policy.batch_size}
        ).fetchone()
        if last is None:
            return None
        end = _Key(*last)
        deleted, candidates = database.one(
            "retention/delete_slice",
            bounds
            | {
                "last_time": end.time,
                "last_id": end.id,
                "delete_empty_transactions": policy.delete_empty_transactions,
            },
        )
        emptied = 0
        if candidates:
            emptied = connection.execute(
                database.statement("retention/delete_emptied_transactions"), {"candidates": candidates}
            ).rowcount
    return end, deleted, emptied


def _remaining(database: Database, cutoff: datetime) -> int:
    """How many expired changes are left; zero costs one index probe."""
    with database.transaction(read_only=True, statement_timeout_ms=0):
        database.one("retention/row_security_off")
        if not database.one("retention/expired_remain", {"cutoff": cutoff})[0]:
            return 0
        return database.one("retention/count_remaining", {"cutoff": cutoff})[0]
