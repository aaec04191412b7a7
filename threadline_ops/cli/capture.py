"""`install` and `triggers`: the audit tables, and what fills them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, out, print_json, warn
from threadline_ops.errors import SettingsError

if TYPE_CHECKING:
    from threadline_ops.capture.run import TriggersRequest
    from threadline_ops.capture.triggers import TableCaptured
    from threadline_ops.settings import Settings

_SQL = typer.Option("--sql", help="Print the SQL instead of running it, for another migration tool.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("install")(install)
    app.command("triggers")(triggers)


def install(as_sql: Annotated[bool, _SQL] = False, as_json: Json = False) -> None:
    """Create the audit tables and capture functions, or upgrade an older install in place."""
    from threadline_ops import settings as configuration
    from threadline_ops.capture.install import statements
    from threadline_ops.capture.objects import script
    from threadline_ops.capture.run import run_install

    settings = configuration.load()
    if as_sql:
        typer.echo(
            script(list(statements(settings.database.audit_schema, settings.capture.application_roles))), nl=False
        )
        return
    done = run_install(settings)
    if as_json:
        print_json(done)
    else:
        out.print(f"audit schema {done.schema!r} is installed, owned by {done.owner!r}", markup=False)
        if done.pending:
            warn("large tables lack indexes; run each of these by itself, which keeps no writer waiting:")
            for statement in done.pending:
                out.print(f"{statement};", markup=False)


def triggers(
    tables: Annotated[
        str | None, typer.Option(help="Only these, separated by commas: orders,billing.invoices.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference of deployed and wanted; change nothing.")
    ] = False,
    as_sql: Annotated[bool, _SQL] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Stop capturing tables that the settings do not name.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring the capture triggers of all tables in the settings, or of --tables, to what the settings imply."""
    from threadline_ops import settings as configuration
    from threadline_ops.capture import names
    from threadline_ops.capture.run import TriggersRequest

    settings = configuration.load()
    schema = settings.database.audit_schema
    if prune and tables:
        raise SettingsError("--prune looks at all tables, and --tables at some", fix="use one of them")
    given = [names.parse(name, schema) for name in names.split(tables)] if tables else None
    if given is None and not settings.capture.tables:
        raise SettingsError(
            "there is no table to capture",
            fix='name some with --tables, or under [capture.tables."schema.table"] in threadline.toml',
        )
    request = TriggersRequest(None if given is None else tuple(given), not (dry_run or as_sql), prune)
    if request.execute:
        _apply(settings, request, as_json=as_json)
    else:
        _show(settings, request, as_sql=as_sql, as_json=as_json)


def _show(settings: Settings, request: TriggersRequest, *, as_sql: bool, as_json: bool) -> None:
    from threadline_ops.capture.run import run_triggers

    found = run_triggers(settings, request).plans
    if as_json:
        print_json([{"table": str(p.table), "diff": [s.diff() for s in p.steps], "sql": p.script()} for p in found])
    elif as_sql:
        typer.echo("".join(plan.script() for plan in found), nl=False)
    else:
        for plan in found:
            out.print(f"{plan.table}: {f'{len(plan.steps)} to change' if plan.steps else 'as wanted'}", markup=False)
            for step in plan.steps:
                typer.echo(step.diff())
    for plan in found:
        _warn(str(plan.table), plan.warnings)


def _apply(settings: Settings, request: TriggersRequest, *, as_json: bool) -> None:
    from threadline_ops.capture.run import run_triggers

    def show(event: TableCaptured) -> None:
        _warn(event.table, event.warnings)
        if not as_json:
            state = f"changed {', '.join(event.changed)}" if event.changed else "as wanted"
            out.print(f"{event.table}: {state}", markup=False)

    report = run_triggers(settings, request, on_event=show)
    assert report.result is not None
    if as_json:
        print_json({"applied": report.result, "pruned": report.pruned})
        return
    for table in report.pruned:
        out.print(f"{table}: no longer captured; what was captured of it stays", markup=False)
    if request.tables is None:
        for table in set(report.result.unlisted).difference(report.pruned):
            warn(f"{table} is captured although no setting names it; --prune would end that")


def _warn(table: str, warnings: tuple[str, ...]) -> None:
    for text in warnings:
        warn(f"{table}: {text}")
