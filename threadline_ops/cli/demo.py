"""`demo`: an audited flight-operations database with real activity in it, and the means to work on it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import err, out
from threadline_ops.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from threadline_ops.database import Database
    from threadline_ops.demo import BuildResult, Event, Server
    from threadline_ops.demo.home import Home

_COMMAND = {"allow_extra_args": True, "ignore_unknown_options": True}


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True, help="An audited flight-operations database to try everything on.")
    group.command("build")(build)
    group.command("serve")(serve)
    group.command("break")(break_capture)
    group.command("heal")(heal_capture)
    group.command("exec", context_settings=_COMMAND)(execute)
    app.add_typer(group, name="demo")


def build(
    months: Annotated[int, typer.Option(min=1, max=12, help="Months of flights to replay; one is about 27,000.")] = 1,
) -> None:
    """Make the demo's database anew: application, capture, replayed activity, history spread over 120 days."""
    from threadline_ops.demo.home import served

    home = directory()
    with served(home) as server:
        make(server, months=months)
        home.write_environment(server)
    out.print("\nNext: [bold]threadline-ops demo exec -- threadline-ops purge[/]")


def serve() -> None:
    """Start the demo's database again, until Ctrl-C."""
    from threadline_ops.demo.home import served

    home = directory()
    home.read_environment()
    done = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        done.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with served(home) as server:
        home.write_environment(server)
        out.print(f"The demo's database is up, until Ctrl-C. In another shell: [bold]. {home.env}[/]")
        out.print("Then every threadline-ops command works on it.")
        done.wait()


def execute(context: typer.Context) -> None:
    """Run a command with the demo's database up and its environment set: demo exec -- COMMAND ARGUMENTS."""
    from threadline_ops.demo.home import served

    if not context.args:
        raise SettingsError("no command was given", fix="write threadline-ops demo exec -- COMMAND ARGUMENTS")
    home = directory()
    home.read_environment()
    with served(home) as server:
        status = _child(context.args, os.environ | home.write_environment(server))
    raise typer.Exit(status if status >= 0 else 128 - status)


def break_capture() -> None:
    """Drop the capture trigger of one table, as a careless migration would, to see what notices."""
    from threadline_ops.demo import trouble

    with _database() as database:
        trigger = trouble.drop_trigger(database)
    out.print(f"Trigger {trigger} is gone: changes of {trouble.TABLE} are captured no more.", markup=False)
    out.print("Undo it with [bold]threadline-ops demo heal[/]")


def heal_capture() -> None:
    """Put the trigger back that `demo break` dropped; what was written in between stays uncaptured."""
    from threadline_ops.demo import trouble

    with _database() as database:
        trouble.restore_trigger(database)
    out.print(f"Changes of {trouble.TABLE} are captured again.", markup=False)


@contextmanager
def _database() -> Generator[Database]:
    """The demo's database, while its server is up."""
    from pydantic import SecretStr

    from threadline_ops import settings as configuration
    from threadline_ops.database import opened
    from threadline_ops.errors import Unreachable
    from threadline_ops.settings import PREFIX

    dsn = directory().read_environment()[f"{PREFIX}DSN"]
    try:
        with opened(configuration.load(dsn=SecretStr(dsn)), "demo") as database:
            yield database
    except Unreachable as error:
        raise Unreachable(error.what, fix="start the demo's database with make ui or make demo-server") from None


def _child(command: list[str], environment: dict[str, str]) -> int:
    """The exit status of a command that gets every signal meant for us; the server outlives it."""

    def wait_for_child(_number: int, _frame: FrameType | None) -> None:
        """Ctrl-C reaches the whole foreground group by itself."""

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        child.terminate()

    # A handler, not SIG_IGN, and before the start: a command would inherit that signals are ignored, as they are
    # for us where a shell without job control started us in the background.
    previous = signal.signal(signal.SIGINT, wait_for_child), signal.getsignal(signal.SIGTERM)
    try:
        child = subprocess.Popen(command, env=environment)
        signal.signal(signal.SIGTERM, pass_on)
        return child.wait()
    except OSError as error:
        raise SettingsError(
            f"the command cannot be started: {error.strerror}", got=command[0], fix="check its name"
        ) from None
    finally:
        signal.signal(signal.SIGINT, previous[0])
        signal.signal(signal.SIGTERM, previous[1])


def directory() -> Home:
    """Where the demo lives, relative to where the command runs."""
    from threadline_ops.demo.home import Home

    return Home(Path(".demo"))


def make(server: Server, *, months: int, flights: int | None = None) -> BuildResult:
    """Build the demo's database with a progress bar, and print what it holds."""
    from threadline_ops.demo import build as steps
    from threadline_ops.progress import drive

    with _progress_bar() as on_event:
        result = drive(steps(server, months=months, limit=flights), on_event)
    replayed, rewritten = result.replayed, result.rewritten
    _print_tables(result)
    out.print(
        f"  {replayed.transactions:,} transactions and {replayed.actions:,} actions by users, services and jobs, "
        f"replayed in {result.seconds['replay']:.1f} s"
    )
    out.print(f"  history spans {rewritten.oldest:%Y-%m-%d} to {rewritten.newest:%Y-%m-%d}")
    out.print(f"  [yellow]note:[/] {rewritten.notice}")
    return result


def _print_tables(result: BuildResult) -> None:
    from rich.table import Table

    changes = result.replayed.changes
    table = Table(box=None, padding=(0, 2), show_footer=True)
    table.add_column("table", footer="all")
    table.add_column("rows before capture", justify="right", footer=f"{sum(result.brownfield.values()):,}")
    table.add_column("changes captured", justify="right", footer=f"{sum(changes.values()):,}")
    for name in sorted(result.brownfield.keys() | changes.keys()):
        table.add_row(name, f"{result.brownfield.get(name, 0):,}", f"{changes.get(name, 0):,}")
    out.print(table)


@contextmanager
def _progress_bar() -> Generator[Callable[[Event], None]]:
    """Transactions replayed, on standard error; nothing where that is no terminal."""
    from threadline_ops.demo import FlightsReplayed

    if not err.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("building the application", total=None)

        def show(event: Event) -> None:
            if isinstance(event, FlightsReplayed):
                progress.update(
                    task,
                    description=f"replaying {event.at:%d %b %Y}",
                    completed=event.transactions,
                    total=event.planned_transactions,
                )

        yield show
