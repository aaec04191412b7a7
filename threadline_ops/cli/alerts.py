"""`alerts test|list|send`: who hears of symptoms, and of which."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from threadline_ops.cli.console import Json, out, print_json, warn
from threadline_ops.errors import SettingsError

alerts = typer.Typer(
    help="Notices about failed, capped and overdue runs and about findings, to the addresses in "
    "THREADLINE_OPS_ALERT_URLS.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(alerts, name="alerts")


@alerts.command("test")
def send_test(as_json: Json = False) -> None:
    """Send a test notice to every address. Exit status 1: one did not take it."""
    from threadline_ops import settings as configuration
    from threadline_ops.alerts import addresses

    settings = configuration.load()
    receivers = addresses(settings)
    if not receivers:
        raise SettingsError(
            "there is no address to test",
            fix="set THREADLINE_OPS_ALERT_URLS, such as mailto://... or slack://..., see docs/alerts.md",
        )
    title = f"{settings.environment}: test notice of threadline-ops"
    results = [
        {"address": one.number, "scheme": one.scheme, "delivered": one.send(title, "Nothing is wrong.", "info")}
        for one in receivers
    ]
    if as_json:
        print_json(results)
    else:
        for result in results:
            word = "[green]delivered[/]" if result["delivered"] else "[red]not delivered[/]"
            out.print(f"address {result['address']} ({result['scheme']}): {word}")
    if not all(result["delivered"] for result in results):
        raise typer.Exit(1)


@alerts.command("list")
def show(as_json: Json = False) -> None:
    """Show what is wrong now, and what was told of it; sends nothing. Exit status 1: something is wrong."""
    from threadline_ops import settings as configuration
    from threadline_ops.alerts import SOURCES, collect, told

    settings = configuration.load()
    seen = collect(settings, SOURCES, now=datetime.now(UTC))
    known = {one.id: one for one in told(settings)}
    if as_json:
        print_json([{"symptom": one, "told": known.get(key)} for key, one in seen.symptoms.items()])
    else:
        for key, symptom in seen.symptoms.items():
            entry = known.get(key)
            heard = f"told {entry.told_at[:16]}" if entry and entry.told_at else "not told"
            colour = "red" if symptom.severity == "P0" else "yellow"
            out.print(f"{symptom.severity}  {symptom.title}", style=colour, markup=False)
            out.print(f"    {symptom.detail}", markup=False)
            out.print(f"    {key}; {heard}; docs/{symptom.link}", style="dim", markup=False)
        if not seen.symptoms:
            out.print("[green]nothing is wrong that the evidence shows[/]")
    if seen.symptoms:
        raise typer.Exit(1)


@alerts.command()
def send(as_json: Json = False) -> None:
    """Tell what is new and what is over, once; for cron, where no Dagster daemon runs alert_sensor.

    Exit status 1: an address did not take a notice; the next time tries again.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.alerts import run_round

    done = run_round(configuration.load(), now=datetime.now(UTC))
    if as_json:
        print_json(done)
    else:
        out.print(f"{len(done.told)} told, {len(done.recovered)} recovered, {done.lasting} symptoms in all")
    if done.undelivered:
        warn(f"not delivered to address {', '.join(map(str, done.undelivered))}; the next time tries again")
        raise typer.Exit(1)
