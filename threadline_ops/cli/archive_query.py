"""`archive query`: questions over live and archived rows together."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, print_json, warn
from threadline_ops.cli.export import Actor, Correlation, Since, Table, Until, filters_of
from threadline_ops.cli.investigate import changes_shown, moment_of
from threadline_ops.errors import FilterError, SettingsError

if TYPE_CHECKING:
    from threadline_ops.archive.query import Trail
    from threadline_ops.export import Filters
    from threadline_ops.investigate import AsOf


def query(
    table: Table = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="Of one row: 42, or a=1; may be repeated.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="What the row was then, ISO 8601 with a zone.")] = None,
    transaction: Annotated[str | None, typer.Option(help="One transaction, by its id.")] = None,
    change: Annotated[str | None, typer.Option(help="One change and its action, by its id.")] = None,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    correlation_id: Correlation = None,
    document: Annotated[
        str | None, typer.Option("--format", help="Print csv, json or ndjson as an export does.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many rows.")] = 100,
    as_json: Json = False,
) -> None:
    """Ask live and archived rows together: a timeline, one row's history, what it was, a transaction, a change.

    Exit status 1: the row, transaction or change is not known.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.archive.query import Trail
    from threadline_ops.database import opened
    from threadline_ops.investigate import parse_key

    settings = configuration.load()
    filters = filters_of(table, actor, since, until, correlation_id)
    _require_row(table, key, at)
    with opened(settings, "archive_query") as database:
        trail = Trail(settings, database)
        if problems := trail.chain().problems:
            warn(f"the archive's chain is broken, and the answer may lack rows: {problems[0]}")
        if transaction or change:
            _one(trail.transaction(transaction) if transaction else trail.change(change or ""))
        elif at and key and table:
            _state(trail.as_of(table, parse_key(key), moment_of(at)))
        elif key and table:
            changes_shown(trail.history(table, parse_key(key), limit=limit), as_json=as_json)
        elif document:
            _document(trail, filters, document, limit)
        else:
            changes_shown(trail.timeline(filters, limit=limit), as_json=as_json)


def _require_row(table: str | None, key: list[str] | None, at: str | None) -> None:
    if (key or at) and not table:
        raise FilterError("a key needs its table", fix="give --table and --key together")
    if at and not key:
        raise FilterError("a state needs the row's key", fix="give --table, --key and --at together")


def _state(state: AsOf) -> None:
    print_json(state)
    if state.status in ("purged", "before_horizon"):
        raise typer.Exit(1)


def _document(trail: Trail, filters: Filters, kind: str, limit: int) -> None:
    if kind != "csv" and kind != "json" and kind != "ndjson":
        raise SettingsError("unknown format", got=kind, fix="use csv, json or ndjson")
    for piece in trail.document(filters, kind, now=datetime.now(UTC), limit=limit):
        sys.stdout.buffer.write(piece)


def _one(found: object) -> None:
    if found is None:
        warn("neither the database nor the archive knows it")
        raise typer.Exit(1)
    print_json(found)
