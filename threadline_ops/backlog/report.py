"""One issue as Markdown, ready to be filed: what was seen, by which SQL and settings, and how to see it again."""

from __future__ import annotations

import json
from typing import Any

from threadline_ops.backlog.catalogue import BY_KEY
from threadline_ops.backlog.history import Issue
from threadline_ops.backlog.markdown import shown_class
from threadline_ops.backlog.status import Backlog
from threadline_ops.errors import BacklogError


def find_issue(backlog: Backlog, reference: str) -> Issue:
    """The issue with this id, open or closed.

    Raises:
        BacklogError: there is none.
    """
    for issue in (*backlog.issues, *backlog.closed):
        if issue.id == reference:
            return issue
    known = ", ".join(issue.id for issue in backlog.issues) or "none is open"
    raise BacklogError("no such issue", got=reference, fix=f"use one of the open ones: {known}")


def title(issue: Issue) -> str:
    """The issue's title; it starts with the id, by which a second filing is recognized."""
    return f"[{issue.id}] {issue.symptom}"[:200]


def report(backlog: Backlog, issue: Issue) -> str:
    """The issue's text; records hold no secret and no captured value, so neither does this."""
    record = issue.latest
    body = record.body
    parts = [
        f"**{issue.severity}** in {issue.area.lower()}, environment {issue.environment}, "
        f"{shown_class(issue.environment_class)}-class evidence. Owner: {backlog.owner(issue.area)}.",
        issue.symptom,
        f"Seen since {issue.opened.ended:%Y-%m-%d %H:%M} UTC, last on {record.ended:%Y-%m-%d %H:%M} UTC."
        + (f" Closed by run {issue.closed.run_id} on {issue.closed.ended:%Y-%m-%d}." if issue.closed else ""),
    ]
    for key in issue.rows:
        row = BY_KEY[key]
        parts += [f"Backlog row `{row.key}`: {row.title}. It is shown when {row.evidenced_by}."]
    parts += [
        "## How to reproduce",
        _fenced("sh", f"{record.command}\nthreadline-ops evidence show {record.run_id} --log"),
        "## Evidence",
        f"Record {record.sequence}, run `{record.run_id}`, SHA-256 `{record.sha256}`. "
        f"Operation {record.operation}, mode {record.mode}, outcome {record.outcome}, version {body['version']}.",
        _json("Database", body["database"]),
        _json("Figures", body["figures"]),
        _json("Parameters", body["parameters"]),
        _sql(body["statements"]),
        _json("Settings (redacted)", body["settings"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sql(statements: list[dict[str, str]]) -> str:
    if not statements:
        return ""
    lines = [f"- `threadline_ops/sql/{item['file']}` (SHA-256 `{item['sha256']}`)" for item in statements]
    return "\n".join(["### SQL", "", *lines])


def _json(heading: str, value: Any) -> str:
    if not value:
        return ""
    return f"### {heading}\n\n{_fenced('json', json.dumps(value, indent=2, ensure_ascii=False))}"


def _fenced(language: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text}\n{fence}"
