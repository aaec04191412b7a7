"""The backlog as one HTML page that asks nothing of any network: readable on a phone, in light and in dark."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from threadline_ops.backlog.catalogue import SECTIONS
from threadline_ops.backlog.history import Issue
from threadline_ops.backlog.markdown import shown_class, shown_status
from threadline_ops.backlog.status import Backlog, RowStatus

_WORDS = {"OK": "ok", "OK, unproven": "unproven", "Issue": "issue", "N/A": "na", "Not run": "notrun"}


def page(backlog: Backlog, broken: tuple[str, ...]) -> str:
    """The whole page."""
    style = files(__package__ or __name__).joinpath("page.css").read_text(encoding="utf-8")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>Adoption pilot backlog: {escape(backlog.environment)}</title>",
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>",
        f"<header><h1>Adoption pilot backlog</h1><p>{escape(backlog.environment)}, "
        f"{shown_class(backlog.environment_class)}-class environment, as of "
        f"<time>{backlog.as_of:%Y-%m-%d %H:%M} UTC</time>, from {backlog.records:,} runs.</p></header>",
        _counts(backlog),
        _violations(broken),
        _issues(backlog),
        *(_section(backlog, section) for section in SECTIONS),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _counts(backlog: Backlog) -> str:
    cells = "".join(
        f'<li class="{_WORDS[status]}"><b>{number}</b> {escape(status)}</li>'
        for status, number in backlog.counts().items()
    )
    return f'<ul class="counts" aria-label="Rows by status">{cells}</ul>'


def _violations(broken: tuple[str, ...]) -> str:
    if not broken:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in broken)
    return f'<section class="violations"><h2>Broken rules</h2><ul>{items}</ul></section>'


def _issues(backlog: Backlog) -> str:
    if not backlog.issues:
        return '<section><h2>Prioritised issues</h2><p class="calm">None is open.</p></section>'
    items = "\n".join(_issue(backlog, issue) for issue in backlog.issues)
    return f'<section><h2>Prioritised issues</h2>\n<ul class="issues">\n{items}\n</ul></section>'


def _issue(backlog: Backlog, issue: Issue) -> str:
    return (
        f'<li id="{escape(issue.id)}"><span class="badge {issue.severity.lower()}">{issue.severity}</span> '
        f"<b>{escape(issue.id)}</b> {escape(issue.symptom)}"
        f"<small>{shown_class(issue.environment_class)} evidence of {issue.latest.ended:%Y-%m-%d}, "
        f"owner {escape(backlog.owner(issue.area))}, "
        f"<code>threadline-ops backlog issue {escape(issue.id)}</code></small></li>"
    )


def _section(backlog: Backlog, section: str) -> str:
    rows = "\n".join(_row(row) for row in backlog.rows if row.row.section == section)
    return f'<section><h2>{escape(SECTIONS[section])}</h2>\n<ul class="rows">\n{rows}\n</ul></section>'


def _row(row: RowStatus) -> str:
    status = shown_status(row)
    details = [escape(row.note)] if row.note else []
    if row.pointer:
        details.append(f"<code>{escape(row.pointer)}</code>")
    if row.evidence and row.evidence.control:
        seen = "failed there, as it must" if row.evidence.proven else "was not noticed"
        details.append(f"Control: {escape(row.evidence.control)}; {seen}")
    if row.expires_at:
        details.append(f"Until {row.expires_at:%Y-%m-%d}")
    where = f'<span class="class">{shown_class(row.environment_class)}</span>' if row.environment_class else ""
    return (
        f'<li id="{escape(row.row.key)}"><span class="badge {_WORDS[status]}">{escape(status)}</span>{where}'
        f"<div><b>{escape(row.row.title)}</b> <code>{escape(row.row.key)}</code>"
        f"{''.join(f'<small>{text}</small>' for text in details)}</div></li>"
    )
