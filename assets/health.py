"""The health report as a Dagster asset: tables and charts in its metadata, checks that fail when somebody must look."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.failures import failures
from assets.keys import key_of
from assets.labels import check_spec
from assets.resources import Operations
from threadline_ops.health import (
    Health,
    HealthReport,
    OperationHealth,
    Problem,
    charts,
    forecast,
    place,
    run_health,
)
from threadline_ops.health.operations import duration

HEALTH_REPORT = key_of("health_report")

#: Each check with the problems that fail it.
_CHECKS: dict[str, tuple[str, Callable[[Problem, Health], bool]]] = {
    "every_audited_table_is_healthy": (
        "The database answers, every expected table is captured, and nothing is wrong with the audit tables.",
        lambda problem, _: problem.area in ("database", "table"),
    ),
    "nothing_is_overdue": (
        "The last success of every operation is younger than its budget: schedulers skip ticks and pile them up.",
        lambda problem, health: problem.area == "operation" and problem.subject in _in(health, "overdue"),
    ),
    "no_last_run_failed": (
        "The newest run of every operation did what it was asked; a purge that was capped did not.",
        lambda problem, health: problem.area == "operation" and problem.subject in _in(health, "failing"),
    ),
    "the_disk_lasts": (
        "The audit tables stay within their budget for long enough, and no replication slot holds the log back.",
        lambda problem, _: problem.area == "room",
    ),
}


@dg.multi_asset(
    name="health_report",
    specs=[
        dg.AssetSpec(
            HEALTH_REPORT,
            description="Which audited tables are healthy, how full the database gets, what ran when and what it did, "
            "and what is overdue. The same as one HTML page lies beside the evidence store.",
            group_name="health",
            kinds={"markdown"},
        )
    ],
    check_specs=[check_spec(name, HEALTH_REPORT, text) for name, (text, _) in _CHECKS.items()],
)
def health_report(context: dg.AssetExecutionContext, operations: Operations) -> Iterator[dg.MaterializeResult]:
    """One look."""
    with failures():
        settings = operations.settings()
        # Beside other assets in one run, this leaves evidence of its own.
        own = context.run.job_name == "health_check"
        run_id = context.run.run_id if own else f"{context.run.run_id}.health_check"
        report = run_health(settings, now=datetime.now(UTC), run_id=run_id, echo=context.log.info)
    yield dg.MaterializeResult(
        metadata=_metadata(report, settings.dashboard.runbooks),
        check_results=list(_results(report.health, settings.dashboard.runbooks)),
    )


def _in(health: Health, state: str) -> set[str]:
    return {operation.title for operation in health.operations if operation.state == state}


def _results(health: Health, runbooks: str) -> Iterator[dg.AssetCheckResult]:
    for name, (_, fails) in _CHECKS.items():
        wrong = [problem for problem in health.problems if fails(problem, health)]
        metadata: dict[str, Any] = {"problems": len(wrong)}
        if wrong:
            lines = ["| what | why | runbook |", "| --- | --- | --- |"]
            lines += [_line(p.subject, p.text, place(runbooks, p.runbook)) for p in wrong]
            metadata["found"] = dg.MetadataValue.md("\n".join(lines))
        yield dg.AssetCheckResult(
            asset_key=HEALTH_REPORT,
            check_name=name,
            passed=not wrong,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(f"{problem.subject}: {problem.text}" for problem in wrong[:3]) or None,
            metadata=metadata,
        )


def _metadata(report: HealthReport, runbooks: str) -> dict[str, Any]:
    health = report.health
    metadata: dict[str, Any] = {
        "problems": len(health.problems),
        "tables_healthy": sum(table.healthy for table in health.tables),
        "tables_broken": sum(not table.healthy for table in health.tables),
        "operations_overdue": len(_in(health, "overdue")),
        "operations_failing": len(_in(health, "failing")),
        "summary": dg.MetadataValue.md(_summary(health, runbooks)),
        "page": dg.MetadataValue.path(str(report.html)),
        "evidence": dg.MetadataValue.path(str(report.evidence)),
        "log": dg.MetadataValue.path(str(report.log)),
    }
    if health.space:
        figures = {
            "bytes": health.space.bytes,
            "bytes_per_day": health.space.bytes_per_day,
            "days_left": health.space.days_left,
            "changes_last_day": health.space.changes_last_day,
        }
        metadata |= {name: value for name, value in figures.items() if value is not None}
    if health.throughput:
        metadata["changes_per_second"] = round(health.throughput[-1].value, 1)
    return metadata | {f"backlog_{_word(status)}": count for status, count in health.backlog.items()}


def _word(status: str) -> str:
    return status.lower().replace(" ", "_").replace("/", "")


def _summary(health: Health, runbooks: str) -> str:
    parts = ["**Healthy.**" if health.healthy else f"**{len(health.problems)} to look at.**"]
    if health.problems:
        found = [(p.subject, p.text, place(runbooks, p.runbook)) for p in health.problems]
        parts.append(_table(("to look at", "why", "runbook"), found))
    head = ("operation", "state", "last ran", "what it did", "last success", "at most")
    parts.append(_table(head, [_operation(operation) for operation in health.operations]))
    if health.tables:
        rows = [(t.table, t.status, f"{t.changes_last_day:,}", t.reason) for t in health.tables]
        parts.append(_table(("audited table", "capture", "changes in the last day", "why not"), rows))
    if health.space:
        parts.append(forecast(health.space))
    parts += [_image(svg) for svg in (charts.growth(health), charts.throughput(health), charts.backlog(health)) if svg]
    return "\n\n".join(parts)


def _operation(operation: OperationHealth) -> tuple[str, ...]:
    last = operation.last
    return (
        operation.title,
        operation.state,
        _moment(last.ended if last else None),
        last.did if last else "",
        _moment(operation.last_success),
        duration(operation.budget) if operation.budget else "",
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join([_line(*head), _line(*["---"] * len(head)), *(_line(*row) for row in rows)])


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in cells)} |"


def _moment(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _image(svg: str) -> str:
    """The UI strips SVG from Markdown, but shows images from data URIs; each is stored with its event."""
    return f"![chart](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"
