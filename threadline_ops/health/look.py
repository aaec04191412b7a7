"""One look at everything that tells whether an audited database is healthy; it changes nothing.

The database is asked for what the catalog and the last day's changes tell, the evidence store for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from threadline_ops.backlog import Backlog, load
from threadline_ops.coverage import Finding, Severity, expected_tables
from threadline_ops.coverage.audit_tables import examine as examine_audit_tables
from threadline_ops.coverage.growth import Activity, Growth, activity, growth, room
from threadline_ops.coverage.inventory import Inventory, TableCoverage, inventory
from threadline_ops.database import Database, opened
from threadline_ops.errors import OpsError
from threadline_ops.evidence import Record, Store, records
from threadline_ops.health import operations
from threadline_ops.health.operations import OperationHealth
from threadline_ops.settings import Settings

_GB = 1_000_000_000
#: Points of a chart; more cannot be told apart on a phone.
_POINTS = 60

Area = Literal["database", "table", "room", "operation", "backlog"]


@dataclass(frozen=True)
class Problem:
    """One thing that somebody has to look at.

    Attributes:
        runbook: page below the runbooks' place, without its ending.
    """

    area: Area
    subject: str
    text: str
    runbook: str


@dataclass(frozen=True)
class TableHealth:
    """An audited table: whether capture can be trusted, and what it captured lately."""

    table: str
    status: str
    healthy: bool
    reason: str
    changes_last_hour: int
    changes_last_day: int
    last_captured_at: datetime | None


@dataclass(frozen=True)
class Space:
    """How full the database gets, in bytes; see `coverage.growth.Growth`."""

    bytes: int
    bytes_per_day: int | None
    changes_last_day: int
    budget_bytes: int | None
    days_left: float | None


@dataclass(frozen=True)
class Point:
    """A figure of a run, to be plotted."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Health:
    """The state of one audited database at a moment.

    Attributes:
        unreachable: why the database could not be asked; tables and space are then unknown.
        backlog: rows by status.
        growth: bytes of the audit tables as examinations saw them.
        throughput: changes a second of executed purges.
        problems: what somebody has to look at, the worst first.
    """

    environment: str
    as_of: datetime
    runs: int
    unreachable: str | None
    tables: tuple[TableHealth, ...]
    space: Space | None
    operations: tuple[OperationHealth, ...]
    backlog: dict[str, int]
    growth: tuple[Point, ...]
    throughput: tuple[Point, ...]
    problems: tuple[Problem, ...]

    @property
    def healthy(self) -> bool:
        """Nobody has to look at anything."""
        return not self.problems

    def of(self, *areas: Area) -> list[Problem]:
        """The problems of these areas."""
        return [problem for problem in self.problems if problem.area in areas]


@dataclass(frozen=True)
class _Database:
    tables: tuple[TableHealth, ...]
    space: Space
    problems: tuple[Problem, ...]


def look(settings: Settings, now: datetime) -> Health:
    """See how everything stands; a database that does not answer is a problem, not an error.

    Args:
        settings: the database, the evidence store, schedules and budgets.
        now: the moment that ages are measured from, aware.

    Raises:
        EvidenceError: a record cannot be read.
    """
    chain = list(records(Store(settings.evidence.directory)))
    ran = operations.read(chain).operations(settings, now)
    backlog = load(settings, now)
    there, unreachable = _asked(settings)
    down = [Problem("database", "database", unreachable, "every-audited-table-is-healthy")] if unreachable else []
    return Health(
        environment=settings.environment,
        as_of=now,
        runs=len(chain),
        unreachable=unreachable,
        tables=there.tables if there else (),
        space=there.space if there else None,
        operations=ran,
        backlog={str(status): count for status, count in backlog.counts().items()},
        growth=_growth(chain, settings.environment),
        throughput=_throughput(chain, settings.environment),
        problems=(*down, *(there.problems if there else ()), *_late(ran), *_open(backlog)),
    )


def _asked(settings: Settings) -> tuple[_Database | None, str | None]:
    try:
        with opened(settings, "health") as database:
            return _look_at(database, settings), None
    except OpsError as error:
        return None, error.what


def _look_at(database: Database, settings: Settings) -> _Database:
    seen = inventory(database, settings)
    now = database.now()
    with database.transaction(read_only=True):
        size = growth(database, settings, now=now)
        found = [*examine_audit_tables(database, settings), *room(database, settings, size)]
        lately = {each.table: each for each in activity(database, sorted(expected_tables(settings)), now=now)}
    tables = tuple(_table(row, lately.get(row.table)) for row in seen.tables if row.expected)
    return _Database(tables, _space(size, settings), tuple(_problems(seen, found)))


def _table(row: TableCoverage, lately: Activity | None) -> TableHealth:
    return TableHealth(
        str(row.table),
        row.status.value,
        not row.violation and not any(finding.severity is Severity.P0 for finding in row.findings),
        row.reason,
        lately.changes_last_hour if lately else 0,
        lately.changes_last_day if lately else 0,
        lately.last_captured_at if lately else None,
    )


def _space(size: Growth, settings: Settings) -> Space:
    budget = settings.coverage.disk_budget_gb
    return Space(
        size.bytes, size.bytes_per_day, size.changes_last_day, None if budget is None else budget * _GB, size.days_left
    )


def _problems(seen: Inventory, found: list[Finding]) -> Iterator[Problem]:
    """Of one table its worst finding; of the rest what is wrong with the audit data or fills the disk."""
    for row in seen.tables:
        worst = next((finding for finding in row.findings if finding.severity is Severity.P0), None)
        if row.expected and worst is not None:
            yield Problem("table", str(row.table), row.reason, runbook(worst.check.value))
    for finding in (*seen.findings, *found):
        full = finding.id in ("disk_budget", "slot_retains_wal")
        if full or finding.severity is Severity.P0:
            area: Area = "room" if full else "database"
            yield Problem(area, finding.subject, finding.what, runbook(finding.check.value))


def _late(ran: tuple[OperationHealth, ...]) -> Iterator[Problem]:
    for operation in ran:
        if not operation.healthy:
            yield Problem("operation", operation.title, operation.reason, operation.runbook)


def _open(backlog: Backlog) -> Iterator[Problem]:
    for issue in backlog.issues:
        if issue.severity == "P0":
            yield Problem("backlog", issue.id, issue.symptom, "no-p0-is-open")


def runbook(name: str) -> str:
    """The page of a check."""
    return name.replace("_", "-")


def _growth(chain: list[Record], environment: str) -> tuple[Point, ...]:
    points = [
        Point(record.ended, float(size["bytes"]))
        for record in chain
        if record.operation == "doctor" and record.environment == environment
        if (size := _mapping(record.body["figures"].get("growth"))) and "bytes" in size
    ]
    return tuple(_thinned(points))


def _throughput(chain: list[Record], environment: str) -> tuple[Point, ...]:
    points = [
        Point(record.ended, figures["deleted_changes"] / seconds)
        for record in chain
        if record.mode == "execute" and record.environment == environment
        if (figures := record.body["figures"]).get("deleted_changes") and (seconds := record.body["seconds"])
    ]
    return tuple(points[-_POINTS:])


def _mapping(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _thinned(points: list[Point]) -> list[Point]:
    """Evenly fewer, the newest always among them."""
    step = -(-len(points) // _POINTS) or 1
    return points[::-1][::step][::-1]
