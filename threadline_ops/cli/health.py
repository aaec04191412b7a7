"""`health`: one look at everything that somebody would have to look at."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, out, print_json

if TYPE_CHECKING:
    from threadline_ops.health import Health

_COLORS = {"ok": "green", "failing": "red", "overdue": "red", "waiting": "blue", "unscheduled": "dim"}


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("health")(health)


def health(
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page, too.")] = None,
    as_json: Json = False,
) -> None:
    """Say which audited tables are healthy, how full the database gets, what ran when, and what is overdue.

    It changes nothing and leaves no record, so a monitor may ask every minute. Exit status 1: something is unhealthy
    or overdue.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.health import look, write

    settings = configuration.load()
    seen = look(settings, datetime.now(UTC))
    if html is not None:
        write(settings, seen, html)
    if as_json:
        from dataclasses import asdict

        print_json({"healthy": seen.healthy} | asdict(seen))
    else:
        _print(seen, settings.dashboard.runbooks)
    if not seen.healthy:
        raise typer.Exit(1)


def _print(seen: Health, runbooks: str) -> None:
    from threadline_ops.health import forecast, place

    for table in seen.tables:
        out.print(f"{table.status:<12}", style="green" if table.healthy else "red", end="", markup=False)
        out.print(f"{table.table}  {table.changes_last_day:,} changes in the last day", markup=False)
    for operation in seen.operations:
        out.print(f"{operation.state:<12}", style=_COLORS[operation.state], end="", markup=False)
        ran = f"{operation.last.ended:%Y-%m-%d %H:%M} UTC: {operation.last.did}" if operation.last else "never"
        out.print(f"{operation.title}  {ran}", markup=False)
    if seen.space:
        out.print(forecast(seen.space), markup=False)
    for problem in seen.problems:
        out.print(f"{problem.subject}: {problem.text}", style="red", markup=False)
        out.print(f"  runbook: {place(runbooks, problem.runbook)}", markup=False)
    out.print("[bold green]healthy[/]" if seen.healthy else f"[bold red]{len(seen.problems)} to look at[/]")
