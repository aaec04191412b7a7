"""The command line: `threadline-ops`.

Exit status: 0 done, 1 the check ran and found violations (or a result is partial), 2 error.
Every command module imports its operation inside the command, so that `--help` stays quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from threadline_ops.cli import (
    alerts,
    archive,
    backlog,
    capture,
    continuity,
    coverage,
    demo,
    evidence,
    export,
    health,
    holds,
    investigate,
    partition,
    retention,
    roles,
    steering,
    topology,
)
from threadline_ops.cli.console import fail
from threadline_ops.errors import OpsError

app = typer.Typer(
    name="threadline-ops",
    help="Operate a PostgreSQL database that Threadline audits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _module in (
    capture,
    coverage,
    retention,
    archive,
    holds,
    steering,
    partition,
    demo,
    topology,
    export,
    investigate,
    backlog,
    evidence,
    continuity,
    roles,
    alerts,
    health,
):
    _module.register(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from threadline_ops import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command line; an error on purpose is one red line and exit status 2."""
    try:
        app()
    except OpsError as error:
        fail(error)
        sys.exit(2)
