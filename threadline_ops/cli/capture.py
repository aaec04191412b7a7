"""`install` and `triggers`: the audit tables, and what fills them."""

from __future__ import annotations

from typing import Annotated

import typer

from threadline_ops.cli.console import Json, out, print_json

_SQL = typer.Option("--sql", help="Print the SQL instead of running it, for another migration tool.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("install")(install)
    app.command("triggers")(triggers)


def install(as_sql: Annotated[bool, _SQL] = False, as_json: Json = False) -> None:
    """Create the audit tables and capture functions, or upgrade an older install in place."""
    from threadline_ops import settings as configuration
    from threadline_ops.capture.install import install as run
    from threadline_ops.capture.install import statements
    from threadline_ops.database import opened

    settings = configuration.load()
    if as_sql:
        for statement in statements(settings.database.audit_schema):
            typer.echo(statement.as_string(None).strip() + ";\n")
        return
    with opened(settings, "install", direct=True) as database:
        done = run(database)
    print_json(done) if as_json else out.print(f"audit schema {done.schema!r} is installed", markup=False)


def triggers(
    tables: Annotated[str | None, typer.Option(help="Only these tables, separated by commas.")] = None,
    as_json: Json = False,
) -> None:
    """Bring the capture triggers to what the settings imply."""
    from threadline_ops import settings as configuration
    from threadline_ops.capture import names
    from threadline_ops.capture.triggers import apply
    from threadline_ops.database import opened
    from threadline_ops.progress import drive

    settings = configuration.load()
    schema = settings.database.audit_schema
    given = tables.split(",") if tables else list(settings.capture.tables)
    with opened(settings, "triggers", direct=True) as database:
        result = drive(
            apply(database, [names.parse(name, schema) for name in given], settings.capture),
            lambda event: None if as_json else out.print(f"{event.table}: {event.function}", markup=False),
        )
    if as_json:
        print_json(result)
