"""The purge: expired changes go in slices by key, and the transactions that this leaves empty."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta
from typing import cast

from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError, PolicyError
from threadline_ops.retention import phases
from threadline_ops.retention.actions import actions
from threadline_ops.retention.drops import drops
from threadline_ops.retention.events import PurgeEvent, PurgeResult
from threadline_ops.retention.guards import check_role
from threadline_ops.retention.pace import Gentle, Latency, Pace, probing
from threadline_ops.retention.partitions import by_rows_because, shape
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.scope import Scope, scope_of
from threadline_ops.retention.sizing import Sizer
from threadline_ops.retention.steps import Key, look, settle, transaction_blocks
from threadline_ops.retention.tally import Tally
from threadline_ops.retention.way import Way, way_of
from threadline_ops.retention.workers import merged

#: What runs against the audit tables, in order; evidence quotes these files by hash.
STATEMENTS = (
    "retention/turn",
    "retention/deleted_so_far",
    "retention/next_slice",
    "retention/next_slice_by_id",
    "retention/delete_slice",
    "retention/delete_eligible",
    "retention/delete_slice_and_emptied",
    "retention/sweep_range",
    "retention/where/expired_by_table",
    "retention/where/not_held",
    "retention/where/transaction_held",
    "retention/where/not_current",
    "retention/where/action_not_held",
    "partitions/something_stays",
    "partitions/detach",
    "partitions/certify",
    "partitions/drop_whole",
    "retention/delete_actions",
    "retention/expired_remain",
)

Connect = Callable[[], AbstractContextManager[Database]]


def purge(
    database: Database,
    policy: Policy,
    *,
    now: datetime,
    execute: bool,
    cutoff: datetime | None = None,
    before_batch: Callable[[], str | None] = lambda: None,
    tally: Tally | None = None,
    connect: Connect | None = None,
    direct: Connect | None = None,
    sized: Callable[[], int | None] = lambda: None,
    hurried: Callable[[], bool] = lambda: False,
) -> Generator[PurgeEvent, None, PurgeResult]:
    """Delete expired changes and the transactions that they leave empty; permanent.

    Each step is one database transaction, committed before its event is yielded. That commit is on disk at the latest
    when the run has ended; a crash of the server before may undo the last steps.

    Args:
        database: the audited database, as a role that sees every row.
        policy: the window and the steps; it must be enabled.
        now: the database's clock, from which the cutoff is computed.
        execute: the operator's consent to delete; there is no default.
        cutoff: an older cutoff than the policy's.
        before_batch: called outside any transaction; raises to stop the run, or returns a reason to wait.
        tally: counts what went, also when the run is stopped; with several workers it may be ahead of the events.
        connect: opens further connections, for more than one worker and for a gentle run's probe.
        direct: opens a connection past any pooler, for dropping partitions; without one they are purged by rows.
        sized: asked before each batch for a batch size that overrides the policy's.
        hurried: asked before each rest whether to leave it out.

    Raises:
        PolicyError: not enabled, no consent, outside the allowed hours, or a cutoff that the policy does not allow.
        UnsafeDatabase: row-level security hides rows, or this is a standby.
        DatabaseError: the server refused a step; earlier ones are kept.
    """
    if not (policy.enabled and execute):
        raise PolicyError(
            "a purge needs both consents",
            got={"enabled": policy.enabled, "execute": execute},
            fix="set retention.enabled = true and ask to execute",
        )
    policy.require_ungated()
    check_role(database, delete_actions=policy.delete_actions)
    scope = scope_of(database, policy, now, cutoff)
    work = phases.Work(
        policy,
        scope,
        tally or Tally(),
        phases.Budget(policy.max_batches, deadline_of(policy, now)),
        before_batch,
        sized=sized,
        hurried=hurried,
    )
    by_rows = yield from _partitions(database, work, direct)
    way = way_of(database, policy, scope, dropped=bool(work.tally.partitions))
    work.emptied = way.emptied
    with ExitStack() as stack:
        paces = paces_of(policy, connect, stack)
        spans = phases.spans_of(scope, _oldest(database), way.workers)
        yield from _in_parallel(database, work, paces[: way.workers], connect, spans)
        if way.sweep:
            yield from _in_parallel(database, work, paces[: way.workers], connect, None)
        if policy.delete_actions and scope.semantics:
            yield from actions(database, work, paces[0])
    return _result(database, work, way, by_rows)


def deadline_of(policy: Policy, now: datetime) -> float | None:
    """When to stop, on the monotonic clock: the earlier one of the longest duration and the end of the hours."""
    limits = [policy.max_duration, policy.hours.require(now) if policy.hours else None]
    return min((time.monotonic() + limit.total_seconds() for limit in limits if limit is not None), default=None)


def _partitions(
    database: Database, work: phases.Work, direct: Connect | None
) -> Generator[PurgeEvent, None, str | None]:
    """Drop what may go whole; why a partitioned audit_changes is purged by rows instead, if it is."""
    if work.policy.partitions == "never" or not shape(database).partitioned:
        return None
    with ExitStack() as stack:
        connected = stack.enter_context(direct()) if direct else None
        by_rows = by_rows_because(database, connected, work.policy)
        if connected is not None and by_rows is None:
            yield from drops(connected, work)
    if by_rows is not None:
        yield work.tally.paused(f"partitions are purged by rows: {by_rows}", timedelta(0))
    return by_rows


def paces_of(policy: Policy, connect: Connect | None, stack: ExitStack) -> list[Pace]:
    """A pace for each worker; gentle ones share the probe, which lives as long as the stack."""
    sizers = [Sizer(policy.batch_size, policy.sizing) for _ in range(policy.workers)]
    if not (policy.gentle and connect):
        return [Pace(sizer) for sizer in sizers]
    latency = Latency(policy.latency_ratio)
    stack.enter_context(probing(latency, connect))
    return [Gentle(sizer, latency) for sizer in sizers]


def _in_parallel(
    database: Database,
    work: phases.Work,
    paces: list[Pace],
    connect: Connect | None,
    spans: deque[tuple[Key, str | None]] | None,
) -> Generator[PurgeEvent]:
    """One phase: the changes of these spans, or, without spans, the sweep."""
    first = phases.RANGE_LEAST if work.policy.gentle else phases.RANGE_START
    ranges = phases.Ranges(transaction_blocks(database) if spans is None else 0, first)

    def phase(on: Database, pace: Pace) -> Generator[PurgeEvent]:
        return phases.sweep(on, work, pace, ranges) if spans is None else phases.changes(on, work, pace, spans)

    if len(paces) == 1:
        yield from phase(database, paces[0])
        return
    if connect is None:
        raise PolicyError("several workers need a way to connect", fix="pass `connect`, or use one worker")

    def worker(pace: Pace) -> Generator[PurgeEvent]:
        with connect() as own:
            yield from phase(own, pace)

    yield from merged([lambda pace=pace: worker(pace) for pace in paces], work.stopping)


def _oldest(database: Database) -> datetime | None:
    with database.transaction(read_only=True):
        return cast("datetime | None", database.one("retention/oldest_change")[0])


def _result(database: Database, work: phases.Work, way: Way, by_rows: str | None) -> PurgeResult:
    remaining, held = _remaining(database, work.scope)
    settle(database)
    tally = work.tally
    return PurgeResult(
        cutoff=work.scope.cutoff,
        deleted_changes=tally.changes,
        deleted_transactions=tally.transactions,
        batches=tally.batches,
        outcome="capped" if remaining or work.cut else "complete",
        remaining_changes=remaining,
        held_changes=held,
        swept=way.sweep and not work.cut,
        partitions=tuple(tally.partitions),
        by_rows=by_rows,
        deleted_actions=tally.actions,
    )


def _remaining(database: Database, scope: Scope) -> tuple[int, int]:
    """Expired changes that may go and are left, and those that stay; nothing of either costs one index probe."""
    with database.transaction(statement_timeout_ms=0) as connection:
        holds = look(database)
        parameters = scope.parameters
        if not scope.keeps_some(holds=holds):
            row = connection.execute(
                scope.statement(database, "retention/expired_remain", holds=holds), parameters
            ).fetchone()
            if row is None or not row[0]:
                return 0, 0
        counted = connection.execute(
            scope.statement(database, "retention/count_remaining", holds=holds), parameters
        ).fetchone()
    if counted is None:
        raise DatabaseError("the count of what remains returned nothing", fix="report this as a defect")
    return counted[0], counted[1]
