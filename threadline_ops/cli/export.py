"""`export`: changes to Parquet, CSV, JSON or NDJSON."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, err, out, print_json, warn
from threadline_ops.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from threadline_ops.export import ExportReport, ExportRequest, Filters
    from threadline_ops.export.result import Event
    from threadline_ops.settings import Settings

FORMATS = ("parquet", "csv", "json", "ndjson")

#: The filters, the same in `export` and `timeline`.
Table = Annotated[str | None, typer.Option("--table", help="Only changes of tables with this name.")]
Actor = Annotated[
    str | None, typer.Option("--actor-ref", "--actor", help="user:42, anonymous, or an actor_ref as JSON.")
]
Since = Annotated[str | None, typer.Option("--from", help="Captured then or later, ISO 8601 with a zone.")]
Until = Annotated[str | None, typer.Option("--to", help="Captured then or earlier.")]
Correlation = Annotated[str | None, typer.Option("--correlation-id", help="Only changes of this action.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("export")(export)


def export(
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="A new directory (Parquet) or file, or a URI: s3://bucket/x."),
    ] = None,
    kind: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "parquet",
    table: Table = None,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    correlation_id: Correlation = None,
    hive: Annotated[bool, typer.Option("--hive", help="Parquet below date=.../table=.../.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished Parquet export.")] = False,
    readers: Annotated[int | None, typer.Option(help="Connections that read, instead of the setting.")] = None,
    max_rows: Annotated[
        int | None, typer.Option(help="Cap of a document: 10,000 for csv and json, none for ndjson.")
    ] = None,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="A result that hit the cap is no violation.")
    ] = False,
    action_metadata: Annotated[
        bool, typer.Option("--action-metadata", help="Two more CSV columns: correlation_id, action_id.")
    ] = False,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show a bar.")] = True,
    as_json: Json = False,
) -> None:
    """Export the changes that match all given filters, from one snapshot; files appear when they are complete.

    Exit status 1: the result hit --max-rows, or the run was stopped.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.export import ExportRequest
    from threadline_ops.progress import Interrupted

    if kind not in FORMATS:
        raise SettingsError("unknown format", got=kind, fix=f"use one of {', '.join(FORMATS)}")
    request = ExportRequest(
        location=output,
        filters=filters_of(table, actor, since, until, correlation_id),
        format=kind,
        hive=hive,
        resume=resume,
        readers=readers,
        max_rows=max_rows,
        action_metadata=action_metadata,
    )
    try:
        report = _run(configuration.load(), request, bar=progress and not as_json)
    except Interrupted:
        warn("stopped on request; nothing was published" + (", --resume goes on" if kind == "parquet" else ""))
        raise typer.Exit(1) from None
    print_json(report) if as_json else _print(report)
    _warn(report, request)
    if report.result.truncated and not allow_truncated:
        raise typer.Exit(1)


def filters_of(
    table: str | None, actor: str | None, since: str | None, until: str | None, correlation_id: str | None
) -> Filters:
    """The filters that were given on the command line."""
    from threadline_ops.export import Filters

    given = {"table": table, "actor_ref": actor, "from": since, "to": until, "correlation_id": correlation_id}
    return Filters.parse({key: value for key, value in given.items() if value is not None})


def _run(settings: Settings, request: ExportRequest, *, bar: bool) -> ExportReport:
    from threadline_ops.export import run_export
    from threadline_ops.stopping import stop_requested

    with stop_requested() as should_stop, _progress_bar(shown=bar) as on_event:
        return run_export(settings, request, on_event=on_event, should_stop=should_stop)


@contextmanager
def _progress_bar(*, shown: bool) -> Generator[Callable[[Event], None]]:
    """Changes written so far, on standard error; nothing where that is no terminal."""
    if not (shown and err.is_terminal):
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from threadline_ops.export import PartWritten, Planned

    with Progress("exporting", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err) as bar:
        task = bar.add_task("", total=None)

        def show(event: Event) -> None:
            match event:
                case Planned():
                    bar.update(task, total=event.rows, completed=event.done)
                case PartWritten():
                    bar.update(task, completed=event.total_rows)

        yield show


def _print(report: ExportReport) -> None:
    done = report.result
    rate = f" ({done.rows / report.seconds:,.0f} changes/s)" if report.seconds else ""
    rows = {
        "location": done.location,
        "changes": f"{done.rows:,} in {len(done.files):,} files, {done.size:,} bytes",
        "seconds": f"{report.seconds:.2f}{rate}",
        "evidence": str(report.evidence),
    }
    out.print(f"[bold]Exported[/] {done.format}")
    for name, value in rows.items():
        out.print(f"  {name:<12}{value}", markup=False)


def _warn(report: ExportReport, request: ExportRequest) -> None:
    done = report.result
    if done.truncated:
        warn(f"truncated: more than {done.max_rows:,} changes match, the newest were kept; raise --max-rows")
    if done.rows == 0:
        warn("no change matches; the export is empty")
    if done.near_names is not None:
        near = f"; near it: {', '.join(done.near_names)}" if done.near_names else ""
        warn(f"no change was ever captured of a table named {request.filters.table!r}{near}")
