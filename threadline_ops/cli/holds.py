"""`hold`: changes that no purge deletes."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, cast

import typer

from threadline_ops.cli.console import Json, out, print_json
from threadline_ops.errors import PolicyError

hold = typer.Typer(help="Legal holds: changes that no purge deletes, whatever their age.", no_args_is_help=True)

_BY = typer.Option("--by", help="Who asks for it; the database's role is recorded in any case.")


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    hold.command("add")(add)
    hold.command("list")(show)
    hold.command("release")(release)
    app.add_typer(hold, name="hold")


def add(
    reason: Annotated[str, typer.Option(help="Why, for whoever reads it in five years.")],
    table: Annotated[str | None, typer.Option(help="Of this table: schema.table.")] = None,
    pk: Annotated[str | None, typer.Option(help='Of this row of it, as JSON: \'{"id": "42"}\'.')] = None,
    actor: Annotated[str | None, typer.Option(help='By this actor, as JSON: \'{"type": "user", "id": "7"}\'.')] = None,
    correlation: Annotated[str | None, typer.Option(help="Of actions with this correlation id.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Captured at or after this ISO 8601 time.")] = None,
    to: Annotated[str | None, typer.Option(help="Captured at or before this ISO 8601 time.")] = None,
    until: Annotated[str | None, typer.Option(help="Ends by itself then; otherwise when released.")] = None,
    by: Annotated[str | None, _BY] = None,
    as_json: Json = False,
) -> None:
    """Place a hold. What is given must all match. Once this returns, no purge deletes what it names."""
    from threadline_ops import settings as configuration
    from threadline_ops.capture.names import parse
    from threadline_ops.retention import holds
    from threadline_ops.retention.standing import place_hold

    settings = configuration.load()
    named = parse(table, settings.database.audit_schema) if table else None
    wanted = holds.Hold(
        reason=reason,
        table=(named.schema, named.name) if named else None,
        pk=_object("--pk", pk),
        actor=_object("--actor", actor),
        correlation_id=correlation,
        since=_instant("--from", since),
        to=_instant("--to", to),
        until=_instant("--until", until),
    )
    number = place_hold(settings, wanted, by=by)
    print_json({"id": number}) if as_json else out.print(f"hold {number} is in force")


def show(
    released: Annotated[bool, typer.Option("--all", help="Those that were released, too.")] = False,
    as_json: Json = False,
) -> None:
    """List holds: what, why, who and when."""
    from threadline_ops import settings as configuration
    from threadline_ops.database import opened
    from threadline_ops.retention import holds

    with opened(configuration.load(), "hold") as database:
        rows = holds.holds(database, released=released)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        named = {k: v for k, v in row.items() if v is not None and k in _NAMES}
        state = "in force" if row["in_force"] else "released" if row["released_at"] else "ended"
        what = ", ".join(f"{_NAMES[name]} {value}" for name, value in named.items())
        out.print(f"{row['id']}  {state}  {what}  {row['reason']}  ({row['placed_by']})", markup=False)
    if not rows:
        out.print("no holds")


def release(
    number: Annotated[int, typer.Argument(help="The hold's number, from hold list.")],
    reason: Annotated[str, typer.Option(help="Why it may go.")],
    by: Annotated[str | None, _BY] = None,
    as_json: Json = False,
) -> None:
    """End a hold; that it stood, and who ended it, stays on record."""
    from threadline_ops import settings as configuration
    from threadline_ops.retention.standing import release_hold

    release_hold(configuration.load(), number, reason=reason, by=by)
    print_json({"id": number, "released": True}) if as_json else out.print(f"hold {number} is released")


_NAMES = {
    "table_schema": "schema",
    "table_name": "table",
    "table_pk": "key",
    "actor_ref": "actor",
    "correlation_id": "correlation",
    "from_time": "from",
    "to_time": "to",
    "until": "until",
}


def _object(option: str, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise PolicyError(f"{option} is not a JSON object", fix='write it like \'{"id": "42"}\'')
    return cast("dict[str, Any]", value)


def _instant(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise PolicyError(
            f"{option} is not an ISO 8601 time", got=text, fix="write it like 2026-01-31T00:00:00Z"
        ) from None
