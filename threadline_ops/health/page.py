"""Health as one HTML page that asks nothing of any network: readable on a phone, in light and in dark."""

from __future__ import annotations

from datetime import datetime
from html import escape
from importlib.resources import files

from threadline_ops.health import charts
from threadline_ops.health.look import Area, Health, Problem, Space, TableHealth
from threadline_ops.health.operations import OperationHealth, duration

_STATES = {"ok": "ok", "failing": "issue", "overdue": "issue", "waiting": "notrun", "unscheduled": "na"}


def page(health: Health, runbooks: str) -> str:
    """The whole page.

    Args:
        health: what to show.
        runbooks: where they are, a directory or a URL.
    """
    style = files(__package__ or __name__).joinpath("page.css").read_text(encoding="utf-8")
    word, kind = ("Healthy", "ok") if health.healthy else (f"{len(health.problems)} to look at", "issue")
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>Health: {escape(health.environment)}</title>",
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>",
        f'<header><h1>Health of {escape(health.environment)} <span class="badge {kind}">{word}</span></h1>'
        f"<p>As of <time>{_moment(health.as_of)}</time>, from the database and {health.runs:,} runs.</p></header>",
        _counts(health),
        _problems(health, runbooks),
        _operations(health),
        _tables(health),
        _space(health),
        _chart("Purges", charts.throughput(health)),
        _chart("Adoption backlog", charts.backlog(health)),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def place(runbooks: str, name: str) -> str:
    """Where a runbook is, as people open it."""
    return f"{runbooks.rstrip('/')}/{name}.md"


def _counts(health: Health) -> str:
    bad = sum(not table.healthy for table in health.tables)
    late = sum(not operation.healthy for operation in health.operations)
    well = sum(operation.state == "ok" for operation in health.operations)
    cells = [
        (len(health.tables) - bad, "tables healthy", "ok" if health.tables and not bad else "na"),
        (bad, "tables broken", "issue" if bad else "na"),
        (well, "operations well", "ok" if well else "na"),
        (late, "failing or overdue", "issue" if late else "na"),
        (len(health.of("backlog")), "P0 open", "issue" if health.of("backlog") else "na"),
    ]
    items = "".join(f'<li class="{kind}"><b>{count}</b> {word}</li>' for count, word, kind in cells)
    return f'<ul class="counts">{items}</ul>'


_AREAS: dict[Area, str] = {
    "database": "Database",
    "table": "Table",
    "room": "Room",
    "operation": "Operation",
    "backlog": "Backlog",
}


def _problems(health: Health, runbooks: str) -> str:
    if health.healthy:
        return ""
    items = "\n".join(_problem(problem, runbooks) for problem in health.problems)
    return f'<section><h2>To look at</h2>\n<ul class="rows">\n{items}\n</ul></section>'


def _problem(problem: Problem, runbooks: str) -> str:
    return (
        f'<li><span class="badge issue">{_AREAS[problem.area]}</span><div><b>{escape(problem.subject)}</b> '
        f"{escape(problem.text)}<small>Runbook: {_link(place(runbooks, problem.runbook))}</small></div></li>"
    )


def _link(target: str) -> str:
    if target.startswith(("https://", "http://")):
        return f'<a href="{escape(target)}" rel="noreferrer">{escape(target)}</a>'
    return f"<code>{escape(target)}</code>"


def _operations(health: Health) -> str:
    items = "\n".join(map(_operation, health.operations))
    return f'<section><h2>Operations</h2>\n<ul class="rows">\n{items}\n</ul></section>'


def _operation(operation: OperationHealth) -> str:
    details = [operation.reason] if operation.reason else []
    if operation.last:
        run = operation.last
        details.append(f"{_moment(run.ended)}: {run.did}")
    if operation.last_success and operation.last and operation.last_success != operation.last.ended:
        details.append(f"Last success {_moment(operation.last_success)}")
    details += [f"At most {duration(operation.budget)} apart"] if operation.budget else []
    details += [f"Scheduled next for {_moment(operation.next_tick)}"] if operation.next_tick else []
    return _row(_STATES[operation.state], operation.state, operation.title, details)


def _tables(health: Health) -> str:
    if health.unreachable:
        return f'<section><h2>Audited tables</h2><p class="calm">Unknown: {escape(health.unreachable)}.</p></section>'
    if not health.tables:
        return '<section><h2>Audited tables</h2><p class="calm">No table is expected to be captured.</p></section>'
    items = "\n".join(map(_table, health.tables))
    return f'<section><h2>Audited tables</h2>\n<ul class="rows">\n{items}\n</ul></section>'


def _table(table: TableHealth) -> str:
    lately = f"{table.changes_last_hour:,} changes in the last hour, {table.changes_last_day:,} in the last day"
    details = [table.reason] if table.reason else []
    details.append(lately + (f", the newest at {_moment(table.last_captured_at)}" if table.last_captured_at else ""))
    return _row("ok" if table.healthy else "issue", table.status, table.table, details)


def _row(kind: str, word: str, title: str, details: list[str]) -> str:
    lines = "".join(f"<small>{escape(text)}</small>" for text in details)
    badge = f'<span class="badge {kind}">{escape(word)}</span>'
    return f"<li>{badge}<div><b>{escape(title)}</b>{lines}</div></li>"


def _space(health: Health) -> str:
    space = health.space
    return _chart("How full the database gets", charts.growth(health), forecast(space) if space else "")


def forecast(space: Space) -> str:
    """Size, growth and how long the budget lasts, in a sentence."""
    words = [f"The audit tables take {charts.size(space.bytes)}"]
    if space.bytes_per_day is not None:
        words.append(f"grow by about {charts.size(space.bytes_per_day)} a day")
    if space.budget_bytes is not None:
        left = "" if space.days_left is None else f", enough for {space.days_left:,.0f} days"
        words.append(f"may take {charts.size(space.budget_bytes)}{left}")
    return ", ".join(words) + "."


def _chart(heading: str, svg: str, text: str = "") -> str:
    if not svg:
        return ""
    said = f"<p>{escape(text)}</p>" if text else ""
    return f'<section><h2>{escape(heading)}</h2>{said}<div class="chart">{svg}</div></section>'


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
