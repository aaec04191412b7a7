"""When each operation last ran, what it did, and whether it is overdue: read from the evidence store alone.

A scheduler skips ticks when it is down and piles them up afterwards, so its own word on what ran is not enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from threadline_ops import cron
from threadline_ops.coverage import expected_tables
from threadline_ops.evidence import Record
from threadline_ops.scheduled import BudgetSettings
from threadline_ops.settings import Settings

#: Ends that did not do what was asked; everything else is a success, also where it found something.
UNSUCCESSFUL = frozenset({"failed", "refused", "canceled", "killed", "capped", "truncated", "unreachable"})

#: A late run is no alarm: a quarter of the schedule's gap more, but at least and at most so much.
_SHORTEST_GRACE, _LONGEST_GRACE = timedelta(hours=1), timedelta(days=1)

State = Literal["ok", "failing", "overdue", "waiting", "unscheduled"]


@dataclass(frozen=True)
class Watched:
    """An operation on the dashboard.

    Attributes:
        key: names its schedule, its budget and its runbook.
        title: for people.
        recorded_as: operations of the evidence records that count.
        modes: modes that count; empty takes all.
        runbook: page to open, without its ending.
        each_table: every table of these runs is looked at by itself, and the most neglected one counts.
    """

    key: str
    title: str
    recorded_as: tuple[str, ...]
    runbook: str
    modes: tuple[str, ...] = ()
    each_table: bool = False

    def counts(self, record: Record) -> bool:
        """Whether a record is one of its runs; a run that left no record of its own has no mode."""
        return record.operation in self.recorded_as and (not self.modes or record.mode in (*self.modes, "unknown"))


WATCHED = (
    Watched("retention_preview", "Purge preview", ("retention_purge",), "retention-purge", ("dry_run",)),
    Watched("retention_purge", "Purge", ("retention_purge", "archive_then_purge"), "retention-purge", ("execute",)),
    Watched("archive_write", "Archive", ("audit_archive", "archive_then_purge"), "archive-write"),
    Watched("archive_verify", "Archive read back", ("archive_verify",), "archive-verify"),
    Watched("coverage_check", "Coverage", ("doctor", "coverage"), "coverage-check"),
    Watched("continuity_baseline", "Baseline", ("continuity_baseline",), "continuity-backfill", each_table=True),
    Watched("continuity_verify", "Verification", ("continuity_verify",), "continuity-verify", each_table=True),
    Watched("topology_check", "Topology", ("topology_check",), "topology-check"),
)


@dataclass(frozen=True)
class Run:
    """One run, without anything that it captured."""

    run_id: str
    ended: datetime
    mode: str
    outcome: str
    did: str

    @property
    def succeeded(self) -> bool:
        """It did what it was asked."""
        return self.outcome not in UNSUCCESSFUL


@dataclass(frozen=True)
class OperationHealth:
    """An operation as it stands.

    Attributes:
        state: "failing" means that the newest run did not succeed, "overdue" that the last success is too old,
            "waiting" that none is due yet, "unscheduled" that none is expected.
        last: the newest run.
        last_success: when the last success ended; of the most neglected table where tables count by themselves.
        budget: how old that may be.
        next_tick: when its schedule comes round, if it has one.
        reason: why it is not well, for people.
    """

    key: str
    title: str
    runbook: str
    state: State
    last: Run | None
    last_success: datetime | None
    budget: timedelta | None
    next_tick: datetime | None
    reason: str = ""

    @property
    def healthy(self) -> bool:
        """Nobody has to look at it."""
        return self.state not in ("failing", "overdue")


@dataclass
class _Seen:
    last: Run | None = None
    successes: dict[str, datetime] = field(default_factory=dict[str, datetime])


class Ledger:
    """Reads the chain once and answers for every operation."""

    def __init__(self) -> None:
        self._seen = {watched.key: _Seen() for watched in WATCHED}
        self.began: datetime | None = None

    def read(self, record: Record) -> None:
        """Take in one record; they come in the order of the chain."""
        self.began = min(filter(None, (self.began, record.ended)))
        for watched in WATCHED:
            if watched.counts(record):
                seen, run = self._seen[watched.key], summary(record)
                seen.last = run if seen.last is None or run.ended >= seen.last.ended else seen.last
                if run.succeeded and (record.mode != "unknown" or not watched.modes):
                    table = _table(record) if watched.each_table else ""
                    seen.successes[table] = max(run.ended, seen.successes.get(table, run.ended))

    def operations(self, settings: Settings, now: datetime) -> tuple[OperationHealth, ...]:
        """Every operation at a moment."""
        return tuple(self._operation(watched, settings, now) for watched in WATCHED)

    def _operation(self, watched: Watched, settings: Settings, now: datetime) -> OperationHealth:
        seen = self._seen[watched.key]
        schedule: str | None = getattr(settings.schedules, watched.key, None)
        budget = budget_of(watched.key, settings, now)
        # A table that is expected no more would stay the most neglected one for ever.
        expected = {"", *map(str, expected_tables(settings))}
        successes = (
            seen.successes if len(expected) == 1 else {t: at for t, at in seen.successes.items() if t in expected}
        )
        neglected = min(successes.items(), key=lambda item: item[1], default=None)
        state, reason = _judged(seen.last, neglected, budget, self.began, now)
        return OperationHealth(
            watched.key,
            watched.title,
            watched.runbook,
            state,
            seen.last,
            neglected[1] if neglected else None,
            budget,
            cron.parse(schedule).next_tick(now, settings.schedules.timezone) if schedule else None,
            reason,
        )


def budget_of(key: str, settings: Settings, now: datetime) -> timedelta | None:
    """How old the last success may be: as set, or the longest gap of the schedule and a grace."""
    hours: int | None = getattr(settings.budgets, key) if key in BudgetSettings.model_fields else None
    if hours is not None:
        return timedelta(hours=hours)
    schedule: str | None = getattr(settings.schedules, key, None)
    if schedule is None:
        return None
    gap = cron.parse(schedule).longest_gap(now.date())
    return gap + min(max(gap / 4, _SHORTEST_GRACE), _LONGEST_GRACE)


def _judged(
    last: Run | None,
    neglected: tuple[str, datetime] | None,
    budget: timedelta | None,
    began: datetime | None,
    now: datetime,
) -> tuple[State, str]:
    if budget is not None:
        since = neglected[1] if neglected else began
        if since is not None and now - since > budget:
            return "overdue", _overdue(neglected, now - since, budget)
    if last is not None and not last.succeeded:
        return "failing", f"the last run ended as {last.outcome}"
    if neglected is None:
        return ("waiting", "has not run yet") if budget else ("unscheduled", "has not run, and nothing asks for it")
    return "ok", ""


def _overdue(neglected: tuple[str, datetime] | None, age: timedelta, budget: timedelta) -> str:
    if neglected is None:
        return f"it never succeeded, and at most {duration(budget)} are allowed"
    of = f" of {neglected[0]}" if neglected[0] else ""
    return f"the last success{of} is {duration(age)} old, and {duration(budget)} are allowed"


def duration(span: timedelta) -> str:
    """A duration in the two units that matter: 26 h, 8 d 4 h, 12 min."""
    minutes = int(span.total_seconds() // 60)
    hours, days = minutes // 60, minutes // (24 * 60)
    short = f"{minutes} min" if hours < 2 else f"{hours} h"
    return short if hours < 48 else f"{days} d" + (f" {hours % 24} h" if hours % 24 and days < 14 else "")


def summary(record: Record) -> Run:
    """A record as one line of the dashboard."""
    return Run(record.run_id, record.ended, record.mode, record.outcome, _did(record))


#: What a run did, by the figures of its record; the first sentence whose figures are all there is said.
_SENTENCES = (
    "{deleted_changes} changes and {deleted_transactions} transactions deleted, {remaining_changes} expired remain",
    "{expired_changes} changes would go, {kept_changes} stay",
    "{covered} of {expected} tables covered, findings: {P0} P0, {P1} P1, {P2} P2",
    "{covered} of {expected} tables covered",
    "{gaps} gaps in {rows} rows",
    "{rows} rows in {chunks} chunks",
    "{changes} changes in {files} files",
    "{rows} rows",
)


def _did(record: Record) -> str:
    figures: Mapping[str, Any] = record.body["figures"]
    numbers = {name: f"{value:,}" for name, value in figures.items() if isinstance(value, int)}
    table = _table(record)
    for sentence in _SENTENCES:
        try:
            said = sentence.format_map(numbers)
        except KeyError:
            continue
        return f"{table}: {said}" if table else said
    return record.outcome.replace("_", " ")


def _table(record: Record) -> str:
    """The table that a run was about, by its full name once it found it."""
    figures, parameters = record.body["figures"], record.body["parameters"]
    return str(figures.get("table") or parameters.get("table") or "")


def read(records: Iterable[Record]) -> Ledger:
    """A ledger of these records."""
    ledger = Ledger()
    for record in records:
        ledger.read(record)
    return ledger
