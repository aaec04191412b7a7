"""`timeline`, `history`, `actor`, `transaction`, `as-of` and `diff`."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threadline_ops.cli.console import Json, out, print_json, warn
from threadline_ops.cli.export import Actor, Correlation, Since, Table, Until, filters_of
from threadline_ops.errors import FilterError
from threadline_ops.plain import plain

if TYPE_CHECKING:
    from threadline_ops.database import Database
    from threadline_ops.investigate import Baseline, ChangeRecord, Earlier
    from threadline_ops.settings import Settings

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many rows.")]
TableName = Annotated[str, typer.Argument(help="The table, as schema.table or table.")]
KeyWords = Annotated[list[str], typer.Argument(help="The row's key: 42, or a=1 b=2.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("timeline")(timeline)
    app.command("history")(history)
    app.command("actor")(actor)
    app.command("transaction")(transaction)
    app.command("as-of")(as_of)
    app.command("diff")(diff)


def timeline(
    table: Table = None,
    actor: Actor = None,
    since: Since = None,
    until: Until = None,
    correlation_id: Correlation = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Show the newest changes that match all given filters."""
    from threadline_ops import investigate

    filters = filters_of(table, actor, since, until, correlation_id)
    with _reading() as (database, _):
        changes_shown(investigate.timeline(database, filters, limit=limit), as_json=as_json)


def history(table: TableName, key: KeyWords, limit: Limit = 100, as_json: Json = False) -> None:
    """Show what happened to one row, newest first."""
    from threadline_ops import investigate

    schema, name = _table(table)
    with _reading() as (database, _):
        found = investigate.history(database, name, investigate.parse_key(key), schema=schema, limit=limit)
        changes_shown(found, as_json=as_json)


def actor(
    who: Annotated[str, typer.Argument(help="user:42, anonymous, or an actor_ref as JSON.")],
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """Show an actor's transactions, newest first."""
    from threadline_ops import investigate

    filters = filters_of(None, who, None, None, None)
    with _reading() as (database, _):
        found = investigate.actor(database, filters, limit=limit)
    if as_json:
        print_json(found)
        return
    columns = ("occurred_at", "id", "action_name", "status", "reason", "correlation_id", "changes")
    _print(columns, found)


def transaction(identity: Annotated[str, typer.Argument(help="Its id.")], as_json: Json = False) -> None:
    """Show one transaction and its changes. Exit status 1: it is not there."""
    from threadline_ops import investigate

    with _reading() as (database, _):
        found = investigate.transaction(database, identity)
    if found is None:
        warn("no such transaction is retained")
        raise typer.Exit(1)
    if as_json:
        print_json(found)
        return
    for name, value in plain(found.transaction).items():
        out.print(f"  {name:<16}{_cell(value)}", markup=False)
    changes_shown(found.changes, as_json=False)


def as_of(
    table: TableName,
    key: KeyWords,
    at: Annotated[str, typer.Option("--at", help="The moment, ISO 8601 with a zone.")],
    as_json: Json = False,
) -> None:
    """Show what a row was at some moment. Exit status 1: that is no longer, or was never, known."""
    from threadline_ops import investigate

    schema, name = _table(table)
    moment = moment_of(at)
    with _reading() as (database, settings):
        known = database.identity()
        found = investigate.as_of(
            database,
            name,
            investigate.parse_key(key),
            moment,
            schema=schema,
            earlier=_earlier(database, settings),
            baseline=_baseline(database, settings),
            purged_before=investigate.purged_before(
                settings.evidence.directory, system_identifier=known.system_identifier, database=known.database
            ),
        )
    if as_json:
        print_json(plain(asdict(found)) | {"statement": found.statement})
    else:
        out.print(found.statement, markup=False)
        if found.row is not None:
            out.print(json.dumps(plain(found.row), indent=2, ensure_ascii=False), markup=False)
    if found.status in ("purged", "before_baseline", "before_horizon"):
        raise typer.Exit(1)


def _earlier(database: Database, settings: Settings) -> Sequence[Earlier]:
    """What remembers purged changes, in the order in which it is asked."""
    from threadline_ops.archive.query import Trail

    return (Trail(settings, database),)


def _baseline(database: Database, settings: Settings) -> Baseline | None:
    from threadline_ops.continuity import Baselines, store

    return Baselines(database, store(settings)) if settings.archive_uri else None


def diff(
    change: Annotated[str, typer.Argument(help="The change's id.")],
    expand_insert: Annotated[bool, typer.Option("--expand-insert", help="List an insert's fields too.")] = False,
    as_json: Json = False,
) -> None:
    """Show what one change did, field by field. Exit status 1: it is not there."""
    from threadline_ops import investigate

    with _reading() as (database, _):
        found = investigate.change(database, change)
    if found is None:
        warn("no such change is retained")
        raise typer.Exit(1)
    difference = investigate.diff(found, expand_insert=expand_insert)
    if as_json:
        print_json(difference.plain())
        return
    out.print(f"{found.op} of {found.table_schema}.{found.table_name}, before values: {difference.before_values}")
    for field in difference.fields:
        before = _cell(field.before) if field.has_before else "(not kept)"
        out.print(f"  {field.name}: {before} -> {_cell(field.after)}", markup=False)


def moment_of(text: str) -> datetime:
    """A moment from the command line.

    Raises:
        FilterError: it is none.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(
            "the moment is no ISO 8601 time", got=text, fix="write it like 2026-01-31T00:00:00Z"
        ) from None


@contextmanager
def _reading() -> Generator[tuple[Database, Settings]]:
    from threadline_ops import settings as configuration
    from threadline_ops.database import opened
    from threadline_ops.export.plan import require_columns

    settings = configuration.load()
    with opened(settings, "investigate") as database:
        require_columns(database)
        yield database, settings


def _table(text: str) -> tuple[str | None, str]:
    schema, dot, name = text.rpartition(".")
    return (schema if dot else None, name)


def changes_shown(changes: Sequence[ChangeRecord], *, as_json: bool) -> None:
    """Print changes as a table, or as JSON."""
    if as_json:
        print_json(list(changes))
        return
    columns = ("captured_at", "table_name", "op", "table_pk", "actor_ref", "action_name", "changed_fields", "id")
    _print(columns, changes)


def _print(columns: Sequence[str], records: Sequence[object]) -> None:
    from rich.markup import escape
    from rich.table import Table as RichTable

    table = RichTable(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for record in records:
        table.add_row(*(escape(_cell(plain(getattr(record, name)))) for name in columns))
    out.print(table)
    out.print(f"{len(records)} rows" if records else "nothing matches", markup=False)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
