"""The adoption backlog as a Dagster asset: rendered from evidence, with the checks that guard it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.failures import failures
from assets.keys import key_of
from assets.labels import check_spec
from assets.resources import Operations
from threadline_ops import evidence
from threadline_ops.backlog import Backlog, Rendered, RowStatus, render_backlog
from threadline_ops.preflight import run_preflight
from threadline_ops.settings import Settings

ADOPTION_BACKLOG = key_of("adoption_backlog")

#: Heads of the chain that the instance remembers, the newest so many, are compared with the store.
_REMEMBERED = 200

_CHECKS = {
    "the_evidence_is_unaltered": "No record or log was edited, removed, reordered or added, and the chain still holds "
    "what the database and this instance remember of it.",
    "no_rule_is_broken": "Every status rests on evidence or on a written reason (STG-03).",
    "no_p0_is_open": "Nothing is known to be wrong with the audit data or its security.",
}


@dg.multi_asset(
    name="adoption_backlog",
    specs=[
        dg.AssetSpec(
            ADOPTION_BACKLOG,
            description="What the runs prove about this environment's audited setup, row by row: Markdown, JSON and "
            "HTML.",
            group_name="evidence",
            kinds={"markdown"},
        )
    ],
    check_specs=[check_spec(name, ADOPTION_BACKLOG, text) for name, text in _CHECKS.items()],
)
def adoption_backlog(context: dg.AssetExecutionContext, operations: Operations) -> Iterator[dg.MaterializeResult]:
    """One rendering; the look at the host that precedes it leaves this run's evidence."""
    with failures():
        settings = operations.settings()
        run_preflight(settings, run_id=context.run.run_id, echo=context.log.info)
        rendered = render_backlog(settings, datetime.now(UTC))
        found = evidence.verify(settings)
    forgotten = _forgotten(context.instance, settings)
    yield dg.MaterializeResult(
        metadata=_metadata(rendered, found),
        check_results=[
            _result("the_evidence_is_unaltered", [*(problem.text for problem in found.problems), *forgotten], found),
            _result("no_rule_is_broken", list(rendered.violations)),
            _result("no_p0_is_open", [issue.symptom for issue in rendered.backlog.issues if issue.severity == "P0"]),
        ],
    )


def head_metadata(head: evidence.Head | None) -> dict[str, Any]:
    """The chain's head as metadata: the instance's event log remembers it, out of reach of whoever has the store."""
    return {} if head is None else {"evidence_sequence": head.sequence, "evidence_sha256": head.sha256}


def _metadata(rendered: Rendered, found: evidence.Verification) -> dict[str, Any]:
    backlog = rendered.backlog
    counts = {f"rows_{status.lower().replace(' ', '_').replace('/', '')}": n for status, n in backlog.counts().items()}
    return (
        counts
        | head_metadata(found.head)
        | {
            "open_issues": len(backlog.issues),
            "records": found.records,
            "anchors": found.anchored,
            "backlog": dg.MetadataValue.md(_as_markdown(backlog)),
            "markdown": dg.MetadataValue.path(str(rendered.markdown)),
            "html": dg.MetadataValue.path(str(rendered.html)),
        }
    )


def _as_markdown(backlog: Backlog) -> str:
    lines = ["| Row | Status | Class | Why |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(_line(row) for row in backlog.rows)])


def _line(row: RowStatus) -> str:
    status = f"{row.status}, unproven" if row.unproven else row.status
    why = row.note.replace("|", "\\|")
    return f"| {row.row.key} | {status} | {row.environment_class or ''} | {why} |"


def _result(name: str, problems: list[str], found: evidence.Verification | None = None) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"problems": len(problems)}
    if problems:
        metadata["what"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in problems[:50]))
    if found:
        metadata |= {"anchors": found.anchored, "notes": "; ".join(found.notes) or "none"}
    return dg.AssetCheckResult(
        asset_key=ADOPTION_BACKLOG,
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )


def _forgotten(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Places that this instance remembers with another hash than the store has, or that the store has lost."""
    store = evidence.store_of(settings)
    problems: list[str] = []
    for place, sha256 in sorted(_remembered(instance).items()):
        actual = store.sha256(place)
        if actual is None:
            problems.append(f"this instance remembers record {place}, which is missing")
        elif actual != sha256:
            problems.append(f"this instance remembers another record {place}")
    return problems


def _remembered(instance: dg.DagsterInstance) -> dict[int, str]:
    seen = [
        *(record.asset_observation for record in instance.fetch_observations(ADOPTION_BACKLOG, _REMEMBERED).records),
        *(
            record.asset_materialization
            for record in instance.fetch_materializations(ADOPTION_BACKLOG, _REMEMBERED).records
        ),
    ]
    heads: dict[int, str] = {}
    for event in seen:
        if event is not None and "evidence_sequence" in event.metadata:
            place, sha256 = event.metadata["evidence_sequence"].value, event.metadata["evidence_sha256"].value
            heads[int(str(place))] = str(sha256)
    return heads
