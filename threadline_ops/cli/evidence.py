"""`evidence list|show|verify`: what runs left, and whether it is still as they left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from threadline_ops.cli.console import Json, out, print_json, warn

if TYPE_CHECKING:
    from threadline_ops.evidence import Record

evidence = typer.Typer(
    help="What every run left behind: list it, show it, verify that it is unaltered.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(evidence, name="evidence")


@evidence.command("list")
def list_records(
    operation: Annotated[str | None, typer.Option(help="Only of this operation.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the newest records."""
    from threadline_ops import settings as configuration
    from threadline_ops.evidence import Record, store_of

    store = store_of(configuration.load())
    found: list[Record] = []
    for place in reversed(store.sequences()):
        record = Record.parse(store.chain_path(place).read_bytes())
        if operation in (None, record.operation):
            found.append(record)
        if len(found) == limit:
            break
    if as_json:
        print_json([_summary(record) for record in found])
        return
    for record in found:
        mark = "[green]OK   [/]" if record.status == "OK" else "[red]Issue[/]"
        when = record.ended.isoformat(sep=" ", timespec="seconds")[:19]
        out.print(
            f"{record.sequence:>6}  {when}  {mark}  {record.environment_class:<4}  {record.operation} {record.mode}: "
            f"{record.outcome}  [dim]{record.run_id}[/]"
        )
    if not found:
        out.print("no records")


@evidence.command()
def show(
    run: Annotated[str, typer.Argument(help="A run id, or a number in the chain.")],
    log: Annotated[bool, typer.Option("--log", help="Print the run's log instead.")] = False,
    as_json: Json = False,
) -> None:
    """Show one record, or the log of its run."""
    from threadline_ops import settings as configuration
    from threadline_ops.evidence import find, store_of
    from threadline_ops.evidence.logfile import read

    store = store_of(configuration.load())
    record = find(store, run)
    if log:
        text = read(store.log_path(record.run_id))
        print_json({"run_id": record.run_id, "log": text.splitlines()}) if as_json else typer.echo(text, nl=False)
        return
    print_json(record.body | {"sha256": record.sha256})


@evidence.command()
def verify(as_json: Json = False) -> None:
    """Hash every record and log again; compare chain, names and the anchors in the database.

    Exit status 1: something was edited, removed, reordered or added.
    """
    from threadline_ops import evidence as store_of_evidence
    from threadline_ops import settings as configuration

    found = store_of_evidence.verify(configuration.load())
    if as_json:
        print_json(found)
    else:
        out.print(f"{found.records:,} records in {found.seconds:.2f} s")
        if found.anchored == "verified":
            out.print(f"anchored in the database through record {found.anchored_through}")
        else:
            warn(f"anchors {found.anchored}; a tail that was cut off would not show")
        for note in found.notes:
            out.print(f"note: {note}", markup=False)
        for problem in found.problems[:50]:
            out.print(f"{problem.kind} {problem.place}: {problem.text}", style="red", markup=False)
        if len(found.problems) > 50:
            out.print(f"... and {len(found.problems) - 50} more; see --json")
        out.print("[bold green]intact[/]" if found.intact else f"[bold red]{len(found.problems)} problems[/]")
    if not found.intact:
        raise typer.Exit(1)


def _summary(record: Record) -> dict[str, Any]:
    names = ("sequence", "run_id", "operation", "mode", "status", "outcome", "environment", "environment_class")
    return {name: getattr(record, name) for name in names} | {
        "ended": record.ended.isoformat(),
        "command": record.command,
        "sha256": record.sha256,
    }
