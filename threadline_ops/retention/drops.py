"""The phase before all others: expired partitions of audit_changes go whole."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta

from threadline_ops.database import Database
from threadline_ops.errors import Busy
from threadline_ops.retention import partitions
from threadline_ops.retention.events import PurgeEvent
from threadline_ops.retention.partitions import Partition
from threadline_ops.retention.phases import Work, waited
from threadline_ops.retention.steps import look

#: How often a step waits anew for transactions that still use a partition: about two minutes at the default lock
#: timeout. They are mostly reports, and holding up the nightly run for longer would help nobody.
PATIENCE = 60


def drops(direct: Database, work: Work) -> Generator[PurgeEvent]:
    """Finish what an earlier run began, then drop every partition of which all rows may go.

    Raises:
        Busy: other transactions kept a partition in use; the next run goes on from there.
    """
    for each in partitions.unfinished(direct):
        if each.state in ("gone", "attached"):
            partitions.forget(direct, each)
        elif each.state == "pending":
            yield from _detached(direct, work, each)
        else:
            yield from _dropped(direct, work, each)
    with direct.transaction(read_only=True, statement_timeout_ms=0):
        found = partitions.ended(direct, work.scope, holds=look(direct))
    concurrently = not partitions.shape(direct).has_default
    for each in found:
        yield from waited(work)
        if work.stopping.is_set() or work.time_is_up():
            return
        if not concurrently:
            yield from _dropped(direct, work, each)
            continue
        partitions.note(direct, each)
        yield from _detached(direct, work, each)


def _detached(direct: Database, work: Work, partition: Partition) -> Generator[PurgeEvent]:
    """Detach concurrently, waiting as long as it takes within reason, then drop."""
    for attempt in range(PATIENCE):
        try:
            partitions.detach(direct, partition)
            break
        except Busy as busy:
            if attempt == PATIENCE - 1:
                raise
            found = next(each for each in partitions.unfinished(direct) if each.oid == partition.oid)
            partition = replace(partition, state=found.state)
            yield work.tally.paused(f"{partition.title} is still in use: {busy.what}", timedelta(0))
            yield from waited(work)
            if work.stopping.is_set() or work.time_is_up():
                return
        if partition.state == "detached":
            break
    yield from _dropped(direct, work, replace(partition, state="detached"))


def _dropped(direct: Database, work: Work, partition: Partition) -> Generator[PurgeEvent]:
    started = time.monotonic()
    tables = partitions.drop(direct, work.scope, partition)
    if tables is not None:
        yield work.tally.dropped(partition.title, tables, timedelta(seconds=time.monotonic() - started))
    elif partition.state == "detached":
        partitions.attach(direct, partition)
        yield work.tally.paused(f"{partition.title} holds changes that must stay; it is purged by rows", timedelta(0))
