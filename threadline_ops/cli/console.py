"""What every command shares: output for people and machines, and how errors look."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, cast
from uuid import UUID

import typer
from rich.console import Console
from rich.markup import escape

from threadline_ops.errors import OpsError

#: `--json`, the same in every command.
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines, and nothing else.")]

out = Console(soft_wrap=True, highlight=False)
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


def plain(value: object) -> Any:
    """Reduce a value to what JSON can hold; times become ISO 8601 and durations seconds."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return value.value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case UUID() | Path() | Decimal():
            return str(value)
        case Mapping():
            return {str(k): plain(v) for k, v in cast("Mapping[object, object]", value).items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in cast("list[object]", value)]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        case _:
            raise TypeError(f"no JSON form for {type(value).__name__}")
