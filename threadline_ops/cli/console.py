"""What every command shares: output for people and machines, and how errors look."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from threadline_ops.errors import OpsError
from threadline_ops.plain import plain

#: `--json`, the same in every command.
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines, and nothing else.")]

# In a pipe or a file nobody sees a right margin, and an id cut into two lines cannot be searched for.
out = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def fail(error: OpsError) -> None:
    """Print an error as one red line on standard error."""
    err.print(f"[bold red]error:[/] [red]{escape(str(error))}[/]")


def warn(text: str) -> None:
    """Print what must not be overlooked, on standard error."""
    err.print(f"[bold yellow]warning:[/] {escape(text)}")


def print_json(value: object) -> None:
    """Print dataclasses, mappings and sequences as one indented JSON document."""
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))
