"""`topology` and `probe`: the chain to PostgreSQL, and the paths by which the host writes audited rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from threadline_ops.cli.console import Json, out, print_json, warn

if TYPE_CHECKING:
    from threadline_ops.topology import TopologyReport
    from threadline_ops.write_paths import ProbeReport

_COLOURS = {"OK": "green", "Issue": "red", "Not run": "yellow", "N/A": "dim"}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("topology")(topology)
    app.command("probe")(probe)


def topology(
    environment: Annotated[list[str] | None, typer.Option(help="Only this environment; may be repeated.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Leave each environment's facts in this directory, for comparisons elsewhere.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find out what stands before PostgreSQL in each environment, and prove that audited writes are right behind it.

    Exit status 1: an environment has an issue.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.progress import Interrupted
    from threadline_ops.stopping import stop_requested
    from threadline_ops.topology import TopologyRequest, run_topology

    request = TopologyRequest(environments=tuple(environment or ()), save=save)
    try:
        with stop_requested() as should_stop:
            report = run_topology(configuration.load(), request, should_stop=should_stop)
    except Interrupted:
        warn("stopped on request; nothing was left behind")
        raise typer.Exit(1) from None
    print_json(report) if as_json else _print_topology(report)
    if report.violations:
        raise typer.Exit(1)


def _print_topology(report: TopologyReport) -> None:
    from threadline_ops.topology import markdown

    for environment in report.environments:
        out.print(f"[bold]{escape(environment.name)}[/]: {_coloured(environment.status)}")
        if environment.facts:
            out.print(f"  {environment.facts.mode.value}: {environment.facts.how}", markup=False)
        for problem in environment.problems:
            out.print(f"  [red]{escape(problem)}[/]")
        for clause in environment.probes:
            out.print(f"  {_coloured(clause.status):<20} {escape(clause.sentence)}: {escape(clause.observed)}")
    out.print()
    out.print(markdown(report.rows), markup=False)
    out.print(f"evidence: {report.evidence}", markup=False)


def probe(
    path: Annotated[list[str] | None, typer.Option(help="Only the write path of this name; may be repeated.")] = None,
    as_json: Json = False,
) -> None:
    """Exercise the declared write paths of this environment and check what capture recorded of them.

    Exit status 1: a path has an issue.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.progress import Interrupted
    from threadline_ops.stopping import stop_requested
    from threadline_ops.write_paths import ProbeRequest, run_probes

    try:
        with stop_requested() as should_stop:
            report = run_probes(configuration.load(), ProbeRequest(paths=tuple(path or ())), should_stop=should_stop)
    except Interrupted:
        warn("stopped on request after the path in hand")
        raise typer.Exit(1) from None
    print_json(report) if as_json else _print_probes(report)
    if report.violations:
        raise typer.Exit(1)


def _print_probes(report: ProbeReport) -> None:
    for result in report.paths:
        out.print(
            f"{_coloured(result.status):<20} [bold]{escape(result.name)}[/] ({result.kind}): {escape(result.notes)}"
        )
        for check in result.checks:
            if check.status != "OK":
                out.print(f"  {_coloured(check.status)} {escape(check.sentence)}: {escape(check.observed)}")
    if not report.paths:
        out.print("No write path is declared; add [[write_paths]] to threadline.toml.", markup=False)
    out.print(f"evidence: {report.evidence}", markup=False)


def _coloured(status: str) -> str:
    return f"[{_COLOURS[status]}]{status}[/]"
