"""The status of every row: computed from evidence, the clock and the settings, and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from threadline_ops.backlog.catalogue import BY_KEY, ROWS, Row
from threadline_ops.backlog.history import Evidence, History, Issue
from threadline_ops.backlog.scope import objection
from threadline_ops.settings import Settings

Status = Literal["OK", "Issue", "N/A", "Not run"]


@dataclass(frozen=True)
class RowStatus:
    """One row as it stands.

    Attributes:
        status: see STG-03: OK and Issue come from evidence, N/A from the settings, else it is Not run.
        environment_class: "ci" or "host", of the evidence that gave the status.
        evidence: what gave it.
        expires_at: when an OK turns back to Not run.
        note: why it is so, or what to do.
    """

    row: Row
    status: Status
    environment_class: str | None
    evidence: Evidence | None
    expires_at: datetime | None
    note: str

    @property
    def unproven(self) -> bool:
        """An OK whose check was not seen failing where it must."""
        return self.status == "OK" and self.evidence is not None and not self.evidence.proven

    @property
    def pointer(self) -> str | None:
        """How to see it again: the command, the run, its place in the chain."""
        if self.evidence is None:
            return None
        record = self.evidence.record
        return f"{record.command} (run {record.run_id}, record {record.sequence})"

    def data(self) -> dict[str, Any]:
        """The row as JSON data."""
        record = self.evidence.record if self.evidence else None
        control = None
        if self.evidence and self.evidence.control:
            control = {"name": self.evidence.control, "failed": self.evidence.proven}
        return {
            "key": self.row.key,
            "section": self.row.section,
            "title": self.row.title,
            "status": self.status,
            "class": self.environment_class,
            "pointer": self.pointer,
            "evidence": f"{record.run_id}.json" if record else None,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "negative_control": control,
            "unproven": self.unproven,
            "note": self.note,
            "severity": self.row.severity,
            "evidenced_at": record.ended.isoformat() if record else None,
            "sha256": record.sha256 if record else None,
        }


@dataclass(frozen=True)
class Backlog:
    """The whole backlog of one environment at one moment.

    Attributes:
        issues: the open ones, most severe first.
        closed: those that evidence has closed.
        problems: rules that it breaks (STG-03), each a sentence.
        records: how many records were read.
    """

    environment: str
    environment_class: str
    as_of: datetime
    validity: timedelta
    rows: tuple[RowStatus, ...]
    issues: tuple[Issue, ...]
    closed: tuple[Issue, ...]
    facts: dict[tuple[str, str], tuple[dict[str, str], Evidence]]
    owners: dict[str, str]
    problems: tuple[str, ...]
    records: int

    def owner(self, area: str) -> str:
        """Who looks after an area."""
        return self.owners.get(area, "unassigned")

    def counts(self) -> dict[str, int]:
        """Rows by status."""
        return {status: sum(row.status == status for row in self.rows) for status in ("OK", "Issue", "N/A", "Not run")}


def compute(history: History, settings: Settings, now: datetime) -> Backlog:
    """The backlog that a history amounts to.

    Args:
        history: what the records say.
        settings: validity, scope and owners.
        now: the moment for which expiry is computed.
    """
    rows = tuple(_row(row, history, settings, now) for row in ROWS)
    mine = sorted(
        (issue for issue in history.issues.values() if issue.environment == settings.environment), key=_urgency
    )
    return Backlog(
        environment=settings.environment,
        environment_class=settings.environment_class,
        as_of=now,
        validity=timedelta(days=settings.backlog.valid_days),
        rows=rows,
        issues=tuple(issue for issue in mine if not issue.closed),
        closed=tuple(issue for issue in mine if issue.closed),
        facts=history.facts,
        owners=settings.backlog.owners,
        problems=tuple(_problems(rows, history, settings)),
        records=history.records,
    )


def _urgency(issue: Issue) -> tuple[str, str, int]:
    area, _, number = issue.id.rpartition(".")
    return issue.severity, area, int(number)


def _row(row: Row, history: History, settings: Settings, now: datetime) -> RowStatus:
    validity = timedelta(days=row.valid_days or settings.backlog.valid_days)
    expired: Evidence | None = None
    from_ci_only = False
    for environment_class in ("host", "ci"):
        evidence = history.rows.get((row.key, environment_class))
        if evidence is None:
            continue
        if not evidence.ok:
            return RowStatus(row, "Issue", environment_class, evidence, None, evidence.detail)
        if evidence.record.ended + validity <= now:
            expired = expired or evidence
        elif environment_class == "ci" and row.host_only:
            from_ci_only = True
        else:
            expires = evidence.record.ended + validity
            return RowStatus(row, "OK", environment_class, evidence, expires, evidence.detail)
    justification = settings.backlog.not_applicable.get(row.key)
    if justification is not None and objection(justification) is None:
        return RowStatus(row, "N/A", None, None, None, justification)
    return RowStatus(row, "Not run", None, None, None, _what_to_run(row, expired, from_ci_only=from_ci_only))


def _what_to_run(row: Row, expired: Evidence | None, *, from_ci_only: bool) -> str:
    if expired:
        return f"evidence of {expired.record.ended:%Y-%m-%d} expired; run {row.proven_by}"
    if from_ci_only:
        return f"CI has shown it, a host must; run {row.proven_by} there"
    return f"run {row.proven_by}"


def _problems(rows: tuple[RowStatus, ...], history: History, settings: Settings) -> list[str]:
    """What STG-03 forbids, as far as settings and runs can bring it about."""
    found: list[str] = []
    for key, justification in settings.backlog.not_applicable.items():
        if key not in BY_KEY:
            found.append(f"backlog.not_applicable names {key!r}, which is no row")
        elif reason := objection(justification):
            found.append(f"{key}: its N/A is not justified: {reason}")
    if history.broken:
        found.append(f"the evidence is altered at record {history.broken[0]}; run threadline-ops evidence verify")
    found += [f"runs claim {key!r}, which is no row" for key in sorted(history.unknown)]
    for status in rows:
        if status.status == "OK" and not (status.pointer and status.evidence and status.evidence.record.command):
            found.append(f"{status.row.key}: OK without a command to repeat it")
        if status.row.key in settings.backlog.not_applicable and status.status in ("OK", "Issue"):
            found.append(f"{status.row.key}: N/A in the settings, but run {_run(status)} shows {status.status}")
    return found


def _run(status: RowStatus) -> str:
    assert status.evidence is not None
    return status.evidence.record.run_id
