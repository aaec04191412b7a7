"""`demo`: an audited flight-operations database with real activity in it, and the means to work on it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import out
from threadline_ops.errors import SettingsError

if TYPE_CHECKING:
    from threadline_ops.demo.home import Home

_COMMAND = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="An audited flight-operations database to try everything on.")
    group.command("build")(build)
    group.command("serve")(serve)
    group.command("exec", context_settings=_COMMAND)(execute)
    app.add_typer(group, name="demo")


def build(
    months: Annotated[int, typer.Option(min=1, max=12, help="Months of flights to replay; one is about 27,000.")] = 1,
) -> None:
    """Make the demo's database anew: application, capture, replayed activity, history aged over 120 days."""
    from threadline_ops.demo import show

    with show.built(_home(), months=months):
        out.print("Next: [bold]threadline-ops demo exec -- threadline-ops purge[/]")


def serve() -> None:
    """Start the demo's database again, until Ctrl-C."""
    from threadline_ops.demo.home import served

    home = _home()
    home.read_environment()
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    with served(home) as dsn:
        home.write_environment(dsn)
        out.print(f"The demo's database is up. In another shell: [bold]. {home.env}[/], then any threadline-ops command.")
        done.wait()


def execute(context: typer.Context) -> None:
    """Run a command with the demo's database up and its environment set: demo exec -- COMMAND ARGUMENTS."""
    from threadline_ops.demo.home import served

    if not context.args:
        raise SettingsError("no command was given", fix="write threadline-ops demo exec -- COMMAND ARGUMENTS")
    home = _home()
    home.read_environment()
    with served(home) as dsn:
        variables = home.write_environment(dsn)
        try:
            # Ctrl-C reaches the command as well; it decides how to end, and the server stops after it.
            child = subprocess.Popen(context.args, env=os.environ | variables)
        except OSError as error:
            raise SettingsError(
                f"the command cannot be started: {error.strerror}", got=context.args[0], fix="check its name"
            ) from None
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            status = child.wait()
        finally:
            signal.signal(signal.SIGINT, previous)
    raise typer.Exit(status if status >= 0 else 128 - status)


def _home() -> Home:
    from threadline_ops.demo.home import Home

    return Home(Path(".demo"))
