"""`purge-control`: pause a running purge, or change its batch size and speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, out, print_json

if TYPE_CHECKING:
    from threadline_ops.retention.control import Control

steering = typer.Typer(
    help="Steer purges while they run; the change takes effect within a second.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    steering.command("show")(show)
    steering.command("pause")(pause)
    steering.command("resume")(resume)
    app.add_typer(steering, name="purge-control")


def show(as_json: Json = False) -> None:
    """Say what running purges are asked to do."""
    from threadline_ops import settings as configuration
    from threadline_ops.database import opened
    from threadline_ops.retention.control import control

    with opened(configuration.load(), "purge-control") as database:
        _print(control(database), as_json=as_json)


def pause(
    reason: Annotated[str | None, typer.Option(help="Why, for the run's log.")] = None, as_json: Json = False
) -> None:
    """Let purges rest after the batch in hand, until `resume`."""
    from threadline_ops import settings as configuration
    from threadline_ops.retention.standing import steer_purges

    _print(steer_purges(configuration.load(), paused=True, reason=reason), as_json=as_json)


def resume(
    batch_size: Annotated[
        int | None, typer.Option(help="Changes a batch from now on, instead of the run's own.")
    ] = None,
    full_speed: Annotated[
        bool, typer.Option("--full-speed", help="Without giving way to writers, though they were started gentle.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let purges go on; what is not given goes back to the run's own."""
    from threadline_ops import settings as configuration
    from threadline_ops.retention.standing import steer_purges

    asked = steer_purges(configuration.load(), paused=False, batch_size=batch_size, full_speed=full_speed)
    _print(asked, as_json=as_json)


def _print(asked: Control, *, as_json: bool) -> None:
    if as_json:
        print_json(asked)
        return
    size = f", {asked.batch_size} changes a batch" if asked.batch_size else ""
    speed = ", at full speed" if asked.full_speed else ""
    out.print(("paused" if asked.paused else "running") + size + speed, markup=False)
