"""`continuity`, `baseline` and `continuity-verify`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from threadline_ops.cli.console import Json, err, out, print_json, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from threadline_ops.continuity import BaselineEvent, BaselineReport, Readiness, RowsVerified, VerifyReport
    from threadline_ops.errors import OpsError
    from threadline_ops.settings import Settings

Report = TypeVar("Report")
Tables = Annotated[
    list[str] | None,
    typer.Argument(
        help="Tables as schema.table; those of continuity.tables, or every captured one, when none is named."
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("continuity")(continuity)
    app.command("baseline")(baseline)
    app.command("continuity-verify")(continuity_verify)


def continuity(
    tables: Tables = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Explain only: exit 0 even if a table is not ready.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Explain whether tables are ready for cutover: captured since when, and what lies before.

    Reads only. Exit status 1: a table is not ready.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.continuity import readiness, store
    from threadline_ops.database import opened

    settings = configuration.load()
    archive = store(settings) if settings.archive_uri else None
    with opened(settings, "continuity") as database:
        database.require_audit_schema()
        found = readiness(database, _chosen(settings, tables, expected=True), settings, store=archive)
    if as_json:
        print_json({"ready": all(one.ready for one in found), "tables": found})
    else:
        for one in found:
            _print_readiness(one)
    if not found:
        warn("no table is captured, and none is named in continuity.tables")
    if not dry_run and not (found and all(one.ready for one in found)):
        raise typer.Exit(1)


def baseline(
    tables: Tables = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Begin a new version of a finished baseline.")] = False,
    as_json: Json = False,
) -> None:
    """Copy tables' rows as they stand now to the archive store, going on where an earlier run ended.

    Reads only, and writes nothing into audit_changes. Exit status 1: stopped on request.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.continuity import Rested, run_baseline

    settings = configuration.load()
    with _stoppable(shown=not as_json) as (show, should_stop):

        def on_event(event: BaselineEvent) -> None:
            if isinstance(event, Rested):
                show(f"{event.table}: resting, {event.reason}")
                return
            show(f"{event.table}: chunk {event.chunk:,}, {event.total_rows:,} of about {event.expected_rows:,} rows")

        reports, failed = _each(
            _chosen(settings, tables),
            lambda name: run_baseline(settings, name, refresh=refresh, should_stop=should_stop, on_event=on_event),
        )
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print_baseline(report)
    if failed:
        raise failed


def _print_baseline(report: BaselineReport) -> None:
    done = report.result
    out.print(f"[bold]{done.table}[/]: baseline version {done.version} {done.outcome}", highlight=False)
    _rows(
        {
            "rows": f"{done.rows:,} in {done.chunks:,} chunks, {done.new_chunks:,} of them by this run",
            "read from": f"the {done.origin}",
            "left out": ", ".join((*done.excluded, *(f"{name} (masked)" for name in done.masked))) or "nothing",
            "place": done.place,
            "evidence": str(report.evidence),
        }
    )


def continuity_verify(
    tables: Tables = None,
    sample: Annotated[float, typer.Option(help="The part of the baseline's chunks to compare, such as 0.1.")] = 1.0,
    as_json: Json = False,
) -> None:
    """Replay baseline and captured changes, and compare with the live rows.

    Reads only. Rows are named only in the report file beside the baseline. Exit status 1: something got past
    capture, or the run was stopped on request.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.continuity import run_verify

    settings = configuration.load()
    with _stoppable(shown=not as_json) as (show, should_stop):

        def on_event(event: RowsVerified) -> None:
            show(f"{event.table}: {event.rows:,} of about {event.expected_rows:,} rows, {event.findings:,} findings")

        reports, failed = _each(
            _chosen(settings, tables),
            lambda name: run_verify(settings, name, sample=sample, should_stop=should_stop, on_event=on_event),
        )
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            _print_verification(report)
    if failed:
        raise failed
    if any(report.result.gaps for report in reports):
        raise typer.Exit(1)


def _each(names: list[str], run: Callable[[str], Report]) -> tuple[list[Report], OpsError | None]:
    """Run for every table: one that is refused must not keep the others from their turn. The first refusal is kept."""
    from threadline_ops.errors import ContinuityError

    reports: list[Report] = []
    failed: OpsError | None = None
    for name in names:
        try:
            reports.append(run(name))
        except ContinuityError as error:
            if failed is None:
                failed = error
            if len(names) > 1:
                warn(f"{name}: {error.what}")
    return reports, failed


def _chosen(settings: Settings, named: list[str] | None, *, expected: bool = False) -> list[str]:
    """The tables named, or else all that continuity looks after; with those that coverage expects, if asked."""
    from threadline_ops.continuity import tables
    from threadline_ops.coverage import expected_tables
    from threadline_ops.database import opened

    if named:
        return named
    with opened(settings, "continuity") as database:
        found = tables(database, settings.continuity)
    more = expected_tables(settings) if expected and not settings.continuity.tables else ()
    return sorted({*found, *map(str, more)})


@contextmanager
def _stoppable(*, shown: bool) -> Generator[tuple[Callable[[str], None], Callable[[], bool]]]:
    """Progress on a terminal, and a clean end on request with exit status 1."""
    from threadline_ops.progress import Interrupted
    from threadline_ops.stopping import stop_requested

    try:
        with stop_requested() as should_stop:
            if shown and err.is_terminal:
                with err.status("reading") as status:
                    yield status.update, should_stop
            else:
                yield lambda _: None, should_stop
    except Interrupted:
        warn("stopped on request; published chunks are kept, run again to go on")
        raise typer.Exit(1) from None


def _print_readiness(one: Readiness) -> None:
    out.print(f"[bold]{one.table}[/]: {'[green]ready[/]' if one.ready else '[red]not ready[/]'}", highlight=False)
    if one.problems:
        _rows({"because": "; ".join(one.problems)})
    if not one.exists:
        return
    t0 = "since" if one.t0_source == "trigger creation" else "not later than"
    _rows(
        {
            "capture (T0)": f"{t0} {one.t0.isoformat(timespec='seconds')}, by {one.t0_source}"
            if one.t0
            else "not known",
            "live rows": f"{one.rows:,}",
            "never seen by capture": "cannot be told: no primary key"
            if one.rows_never_seen is None
            else f"{one.rows_never_seen:,}",
            "baseline": f"version {one.baseline}, read from {one.baseline_at}" if one.baseline else "none",
        }
    )
    if one.rows_never_seen and not one.baseline:
        _rows({"next": f"threadline-ops baseline {one.table}: their history before it stays unknown"})
    if one.uncaptured_children:
        _rows({"not captured children": ", ".join(one.uncaptured_children)})


def _print_verification(report: VerifyReport) -> None:
    done = report.result
    verdict = f"[red]{done.gaps:,} rows got past capture[/]" if done.gaps else "[green]nothing got past capture[/]"
    out.print(f"[bold]{done.table}[/]: {verdict}", highlight=False)
    against = f"baseline version {done.version}" if done.version else "no baseline"
    rows: dict[str, Any] = {
        "compared": f"{done.rows:,} rows with {done.changes:,} changes and {against}"
        + ("" if done.whole else ", a sample of its chunks"),
        **{kind: f"{count:,}" for kind, count in done.counts.items()},
    }
    if done.gaps:
        rows["between"] = f"{done.since.isoformat() if done.since else 'T0'} and {done.until}"
    rows |= {
        "not compared": ", ".join(done.not_compared) or "nothing",
        "report": done.report,
        "evidence": str(report.evidence),
    }
    if done.table_replaced:
        rows["note"] = "another table took this name since the baseline"
    _rows(rows)


def _rows(rows: dict[str, str]) -> None:
    for name, value in rows.items():
        out.print(f"  {name:<26}{value}", markup=False)
