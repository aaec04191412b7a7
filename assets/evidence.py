"""Evidence of runs that Dagster saw and that could not write their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.location import OPERATION_TAG, CodeLocation
from threadline_ops.evidence import Head, Record, Store, store_of
from threadline_ops.evidence.reconcile import finish_killed, record_absent
from threadline_ops.settings import Settings

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

#: Runs are looked at again for this long after they ended: the instance's clock and order of updates are not exact.
OVERLAP = timedelta(minutes=10)

#: Runs a tick; the rest waits for the next.
PER_TICK = 500

#: Records of rendering itself and of looking at it, which must not ask for another rendering.
_OWN = ("host_preflight", "backlog_render", "health_check", "dagster_maintenance")


@dataclass(frozen=True)
class Cursor:
    """How far the sensor has come: in the instance's runs, and in the chain."""

    updated: datetime
    sequence: int

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor; none means the beginning."""
        if not text:
            return cls(datetime.fromtimestamp(0, UTC), 0)
        content = json.loads(text)
        return cls(datetime.fromisoformat(content["updated"]), content["sequence"])

    def text(self) -> str:
        """The cursor as the instance keeps it."""
        return json.dumps({"updated": self.updated.isoformat(), "sequence": self.sequence})


@dataclass(frozen=True)
class Reconciled:
    """What one look found.

    Attributes:
        recorded: runs that have a record only now.
        head: the newest place in the chain.
        news: the chain has records that the backlog does not show yet.
    """

    cursor: Cursor
    recorded: tuple[str, ...]
    head: Head | None
    news: bool


def reconcile(instance: dg.DagsterInstance, settings: Settings, cursor: Cursor, location: CodeLocation) -> Reconciled:
    """Give every finished run of this code location its one record; looking again changes nothing.

    Args:
        instance: whose runs.
        settings: where evidence is kept.
        cursor: from the look before.
        location: tells our runs from those of other code locations.

    Raises:
        EvidenceError: the store cannot be written; the cursor then stays.
    """
    store = store_of(settings)
    recorded = finish_killed(store, settings)
    updated = cursor.updated
    since = max(cursor.updated - OVERLAP, datetime.fromtimestamp(0, UTC))
    for record in instance.get_run_records(
        dg.RunsFilter(statuses=list(FINISHED), updated_after=since),
        limit=PER_TICK,
        order_by="update_timestamp",
        ascending=True,
    ):
        run = record.dagster_run
        if location.ran(run):
            recorded += [run.run_id] if _record(settings, record) else []
        updated = max(updated, record.update_timestamp.replace(tzinfo=UTC))
    head = store.head() if store.chain.is_dir() else None
    news = head is not None and _has_news(store, cursor.sequence, head.sequence)
    return Reconciled(Cursor(updated, head.sequence if head else 0), tuple(recorded), head, news)


def _record(settings: Settings, record: dg.RunRecord) -> bool:
    run = record.dagster_run
    started = None if record.start_time is None else datetime.fromtimestamp(record.start_time, UTC)
    ended = record.update_timestamp.replace(tzinfo=UTC)
    if record.end_time is not None:
        ended = datetime.fromtimestamp(record.end_time, UTC)
    words = {dg.DagsterRunStatus.SUCCESS: "complete", dg.DagsterRunStatus.CANCELED: "canceled"}
    outcome = words.get(run.status, "failed")
    before = "" if started else " before it began"
    return record_absent(
        settings,
        run_id=run.run_id,
        operation=run.tags.get(OPERATION_TAG, run.job_name),
        mode="unknown",
        command=f"dagster job execute -w workspace.yaml -j {run.job_name}",
        started=started,
        ended=ended,
        outcome=outcome,
        line=f"Dagster run of {run.job_name} {outcome}{before}; it left no record of its own",
    )


def _has_news(store: Store, seen: int, newest: int) -> bool:
    for place in range(max(seen, newest - PER_TICK) + 1, newest + 1):
        path = store.chain_path(place)
        if path.exists() and Record.parse(path.read_bytes()).operation not in _OWN:
            return True
    return False
