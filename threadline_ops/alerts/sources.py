"""Symptoms that the evidence shows: open issues of the backlog, capped runs, operations that are overdue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from threadline_ops.alerts.symptoms import Source, Symptom
from threadline_ops.alerts.view import view
from threadline_ops.backlog.history import Issue
from threadline_ops.evidence import Record
from threadline_ops.settings import Settings

#: Operations whose issues are findings.
_EXAMINING = ("coverage", "doctor")


def open_issues(settings: Settings, now: datetime) -> Iterator[Symptom]:
    """Failed runs, findings of examinations and failed backlog rows, as the backlog keeps them open.

    Raises:
        EvidenceError: a record cannot be read.
    """
    del now
    for issue in view(settings).issues:
        if issue.latest.outcome == "capped":
            continue  # told below, with what remains
        yield Symptom(
            f"issue:{issue.id}",
            issue.severity,
            issue.symptom,
            f"since run {issue.opened.run_id}, latest {issue.latest.run_id}; {_again(issue.latest)}",
            f"runbooks/{_runbook(issue)}.md",
        )


def capped_runs(settings: Settings, now: datetime) -> Iterator[Symptom]:
    """Operations whose newest executed run stopped at a cap: what they should do piles up.

    Raises:
        EvidenceError: a record cannot be read.
    """
    del now
    for operation, record in view(settings).executed.items():
        if record.outcome == "capped":
            remaining = record.body["figures"].get("remaining_changes", "some")
            yield Symptom(
                f"capped:{operation}",
                "P1",
                f"{operation} stopped at its cap",
                f"{remaining} expired changes remain after run {record.run_id}",
                "runbooks/a-purge-was-capped.md",
            )


def overdue(settings: Settings, now: datetime) -> Iterator[Symptom]:
    """Operations whose last success is older than their budget: a schedule that skips raises no failure.

    Raises:
        EvidenceError: a record cannot be read.
    """
    for operation in view(settings).ledger.operations(settings, now):
        if operation.state == "overdue":
            yield Symptom(
                f"overdue:{operation.key}",
                "P1",
                f"{operation.title} is overdue",
                operation.reason,
                f"runbooks/{operation.runbook}.md",
            )


#: Every source by the name that its symptoms' ids begin with.
SOURCES: dict[str, Source] = {"issue": open_issues, "capped": capped_runs, "overdue": overdue}


def _runbook(issue: Issue) -> str:
    if issue.area == "RUN":
        return "a-run-failed"
    return "a-coverage-finding" if issue.latest.operation in _EXAMINING else "a-backlog-row-is-an-issue"


def _again(record: Record) -> str:
    return f"look again with `{record.command}`"
