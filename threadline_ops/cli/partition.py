"""`partition`: audit_changes in partitions, which a purge drops whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, print_json
from threadline_ops.periods import Period

if TYPE_CHECKING:
    from threadline_ops.retention.partition_plan import PartitionPlan, Step

partition = typer.Typer(help="Partitions of audit_changes, which a purge drops whole.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    partition.command("plan")(plan)
    app.add_typer(partition, name="partition")


@partition.callback()
def _group() -> None:
    """A group, although it has one command."""


def plan(
    every: Annotated[Period, typer.Option(help="What a partition spans.")] = Period.month,
    ahead: Annotated[int, typer.Option(help="Partitions to make in advance.")] = 12,
    as_json: Json = False,
) -> None:
    """Print, as SQL, the online way from a plain audit_changes to a partitioned one, or further partitions of it.

    Nothing is changed: read it, then run it step by step with psql, as the owner of the tables and past any pooler.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.database import opened
    from threadline_ops.retention.partition_plan import partition_plan

    with opened(configuration.load(), "partition-plan") as database:
        database.require_audit_schema()
        found = partition_plan(database, every, ahead=ahead)
    print_json(found) if as_json else _print(found)


def _print(found: PartitionPlan) -> None:
    lines = ["-- Run as the owner of the audit tables, past any pooler, with psql -v ON_ERROR_STOP=1."]
    if found.partitioned:
        lines += ["-- audit_changes is partitioned; these are further partitions."]
        lines += [] if found.steps else ["-- There are enough."]
    lines += _steps("Step", found.steps)
    if found.back_out:
        lines += ["", "-- BACK OUT after the switch, with every row that was written meanwhile:"]
        lines += [f"-- {line}" for line in "\n".join(_steps("Back out", found.back_out)).splitlines()]
    typer.echo("\n".join(lines))


def _steps(word: str, steps: tuple[Step, ...]) -> list[str]:
    lines: list[str] = []
    for number, step in enumerate(steps, 1):
        lines += ["", f"-- {word} {number}. {step.title}.", f"-- Locks: {step.locks}."]
        lines += [f"-- Back out: {step.back_out}"] if step.back_out else []
        lines.append(step.sql)
    return lines
