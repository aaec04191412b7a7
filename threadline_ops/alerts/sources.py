"""Symptoms that the evidence shows: open issues of the backlog, capped runs, findings of the newest examination."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from threadline_ops.alerts.symptoms import Source, Symptom
from threadline_ops.alerts.view import view
from threadline_ops.evidence import Record, Severity
from threadline_ops.settings import Settings

#: Ends that another source tells of in more detail.
_TOLD_ELSEWHERE = ("capped", "findings", "violations")
_SEVERITIES: tuple[Severity, ...] = ("P0", "P1", "P2")


def open_issues(settings: Settings, now: datetime) -> Iterator[Symptom]:
    """Failed runs, failed backlog rows and findings of runs, as the backlog keeps them open.

    Raises:
        EvidenceError: a record cannot be read.
    """
    del now
    for issue in view(settings).issues:
        if issue.latest.outcome in _TOLD_ELSEWHERE:
            continue
        runbook = "a-run-failed" if issue.area == "RUN" else "a-backlog-row-is-an-issue"
        yield Symptom(
            f"issue:{issue.id}",
            issue.severity,
            issue.symptom,
            f"since run {issue.opened.run_id}, latest {issue.latest.run_id}; {_again(issue.latest)}",
            f"runbooks/{runbook}.md",
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


def findings(settings: Settings, now: datetime) -> Iterator[Symptom]:
    """What the newest examination found: the doctor's, and those of a newer coverage run.

    Raises:
        EvidenceError: a record cannot be read.
    """
    del now
    newest = view(settings).conclusive
    doctor, coverage = newest.get("doctor"), newest.get("coverage")
    relevant = [doctor] if doctor else []
    if coverage and (doctor is None or coverage.sequence > doctor.sequence):
        relevant.append(coverage)
    seen: set[str] = set()
    for record in relevant:
        for item in cast("list[dict[str, Any]]", record.body["figures"].get("findings", [])):
            key = f"finding:{item['id']}:{item['subject']}"
            if key not in seen and item["severity"] in _SEVERITIES:
                seen.add(key)
                yield _finding(key, item, record)


#: Every source by the name that its symptoms' ids begin with.
SOURCES: dict[str, Source] = {"issue": open_issues, "capped": capped_runs, "finding": findings}


def _finding(key: str, item: dict[str, Any], record: Record) -> Symptom:
    return Symptom(
        key,
        item["severity"],
        f"{item['subject']}: {item['what']}",
        f"{item['id']}, seen by run {record.run_id}; {_again(record)}",
        "runbooks/a-coverage-finding.md",
    )


def _again(record: Record) -> str:
    return f"look again with `{record.command}`"
