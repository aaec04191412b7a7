"""The phase after all others: actions that are older than the window and belong to no transaction any more."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import timedelta

from threadline_ops.database import Database
from threadline_ops.errors import Busy
from threadline_ops.retention.events import PurgeEvent
from threadline_ops.retention.pace import Pace
from threadline_ops.retention.phases import PATIENCE, Work, rested, waited
from threadline_ops.retention.scope import Scope
from threadline_ops.retention.steps import Key, begin


class _Linked(Exception):
    """A transaction was linked to an action while that was deleted; the step is undone."""


def actions(database: Database, work: Work, pace: Pace) -> Generator[PurgeEvent]:
    """Delete them in slices by key, one database transaction a slice.

    Raises:
        Busy: a lock or a time limit ended a step again and again.
    """
    after, failures = Key(), 0
    while True:
        yield from waited(work)
        if work.stopping.is_set() or work.time_is_up():
            return
        started = time.monotonic()
        try:
            with pace.step():
                end, deleted = _delete_slice(database, work.scope, after, work.sized() or pace.sizer.size)
        except (Busy, _Linked) as error:
            failures += 1
            if failures > PATIENCE:
                raise Busy(
                    "old actions are locked, or being linked to, again and again", fix="run again later"
                ) from error
            pace.sizer.shrink()
            continue
        if end is None:
            return
        after, failures = end, 0
        duration = time.monotonic() - started
        pace.observe(deleted, duration)
        if deleted:
            yield work.tally.acted(deleted, timedelta(seconds=duration))
        yield from rested(work, pace)


def _delete_slice(database: Database, scope: Scope, after: Key, size: int) -> tuple[Key | None, int]:
    schema = {"audit": database.settings.audit_schema}
    with database.transaction() as connection:
        _, holds = begin(database)
        before = database.one("retention/links_updated", schema)[0]
        row = connection.execute(
            scope.statement(database, "retention/delete_actions", holds=holds),
            scope.parameters | {"after_time": after.time, "after_id": after.id, "size": size},
        ).fetchone()
        assert row is not None
        moment, number, deleted = row
        if deleted and database.one("retention/links_updated", schema)[0] != before:
            raise _Linked
    return (None if moment is None else Key(moment, number)), deleted
