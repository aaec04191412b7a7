"""`roles`: least-privilege database roles, printed before anything runs."""

from __future__ import annotations

from typing import Annotated

import typer

from threadline_ops.cli.console import Json, out, print_json
from threadline_ops.errors import SettingsError


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("roles")(roles)


def roles(
    as_sql: Annotated[bool, typer.Option("--sql", help="Print the statements; this is the default.")] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Run them, in one transaction.")] = False,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Only this one: reader, exporter, purger or installer. Can be given again."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Print the SQL that creates the reader, exporter, purger and installer, each with the rights it needs."""
    from threadline_ops import settings as configuration
    from threadline_ops.capture.objects import script
    from threadline_ops.database import opened
    from threadline_ops.roles import Duty
    from threadline_ops.roles import execute as run
    from threadline_ops.roles import statements as build

    if as_sql and execute:
        raise SettingsError("--sql prints and --execute runs", fix="use one of them")
    settings = configuration.load()
    known = {duty.value: duty for duty in Duty}
    for name in role or ():
        if name not in known:
            raise SettingsError("there is no such role", got=name, fix=f"use one of {', '.join(known)}")
    duties = [known[name] for name in role or known]
    if execute:
        with opened(settings, "roles", direct=True) as database:
            done = run(database, settings, duties)
        named = {duty.value: getattr(settings.roles, duty.value) for duty in duties}
        print_json({"statements": done, "roles": named}) if as_json else out.print(
            f"{done} statements done; grant {', '.join(named.values())} to the logins that need them", markup=False
        )
        return
    statements = list(build(settings, duties))
    if as_json:
        print_json({"statements": [statement.as_string(None).strip() for statement in statements]})
    else:
        typer.echo(script(statements), nl=False)
