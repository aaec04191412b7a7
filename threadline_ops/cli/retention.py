"""`purge`: the retention purge, dry unless asked to execute."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from threadline_ops.cli.console import Json, err, out, print_json, warn
from threadline_ops.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from threadline_ops.retention import Preview, PurgeEvent, PurgeReport, PurgeRequest
    from threadline_ops.retention.preview import Day
    from threadline_ops.settings import Settings


#: Rows of tables and days that a person reads.
_SHOWN = 150


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("purge")(purge)


def purge(
    execute: Annotated[bool, typer.Option("--execute", help="Delete. Needs retention.enabled = true as well.")] = False,
    cutoff: Annotated[
        str | None,
        typer.Option(help="An older cutoff than the policy's, ISO 8601 with a zone: 2026-01-31T00:00:00Z."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Changes a batch, instead of the setting.")] = None,
    max_batches: Annotated[int | None, typer.Option(help="Batches at most, instead of the setting.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Connections that delete at a time, instead of the setting.")
    ] = None,
    full_speed: Annotated[
        bool, typer.Option("--full-speed", help="Do not give way to writers: no rests between batches.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count what the retention policy lets go, and with --execute delete it in small batches.

    Exit status 1: the run was capped or stopped, and expired changes remain.
    """
    from threadline_ops import settings as configuration
    from threadline_ops.progress import Interrupted
    from threadline_ops.retention import PurgeRequest

    request = PurgeRequest(
        execute=execute,
        cutoff=_instant(cutoff),
        batch_size=batch_size,
        max_batches=max_batches,
        workers=workers,
        full_speed=full_speed,
    )
    try:
        report = _run(configuration.load(), request, bar=not as_json)
    except Interrupted:
        warn("stopped on request; finished batches are kept, expired changes remain")
        raise typer.Exit(1) from None
    print_json(report) if as_json else _print(report)
    if report.result and report.result.outcome == "capped":
        warn(
            f"capped: {report.result.remaining_changes:,} expired changes remain; "
            "run again, or allow more batches or time"
        )
        raise typer.Exit(1)


def _run(settings: Settings, request: PurgeRequest, *, bar: bool) -> PurgeReport:
    from threadline_ops.retention import run_purge
    from threadline_ops.stopping import stop_requested

    with stop_requested() as should_stop, _progress_bar(shown=bar and request.execute) as on_event:
        return run_purge(settings, request, on_event=on_event, should_stop=should_stop)


@contextmanager
def _progress_bar(*, shown: bool) -> Generator[Callable[[PurgeEvent], None]]:
    """A live count on standard error; nothing where that is no terminal."""
    if not (shown and err.is_terminal):
        yield lambda _: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from threadline_ops.retention import Paused

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("purging", total=None)

        def show(event: PurgeEvent) -> None:
            resting = f" (resting: {event.reason})" if isinstance(event, Paused) else ""
            progress.update(
                task,
                description=f"batch {event.batch:,}: {event.total_changes:,} changes, "
                f"{event.total_transactions:,} transactions deleted{resting}",
            )

        yield show


def _print(report: PurgeReport) -> None:
    if seen := report.preview:
        out.print("[bold]Dry run[/]: nothing was deleted.")
        _rows(
            {
                "cutoff": seen.cutoff.isoformat(timespec="seconds"),
                "oldest change": seen.oldest.isoformat(timespec="seconds") if seen.oldest else "none",
                "expired changes": f"{seen.expired_changes:,} in {_batches(seen)}",
                "size of their rows": f"{seen.bytes / 1e6:,.1f} MB",
                "estimated time": f"{seen.seconds:,.1f} s ({seen.seconds_basis})",
                "held or current changes": f"{seen.held_changes:,} are expired and stay",
                "kept changes": f"{seen.kept_changes:,}",
                "empty transactions": f"{seen.already_empty_transactions:,} are empty already",
                "emptied transactions": f"{seen.emptied_transactions:,}",
                "straddling transactions": f"{seen.straddling_transactions:,} lose a part of their changes",
                "actions": f"{seen.actions:,} belong to no transaction then",
            }
        )
        _days(seen)
        _warn_by_rows(seen.by_rows)
    if done := report.result:
        out.print(f"[bold]Purge {done.outcome}[/]")
        rate = done.deleted_changes / report.seconds if report.seconds else 0
        _rows(
            {
                "cutoff": done.cutoff.isoformat(timespec="seconds"),
                "deleted changes": f"{done.deleted_changes:,}",
                "deleted transactions": f"{done.deleted_transactions:,}",
                "batches": f"{done.batches:,} in {report.seconds:.2f} s ({rate:,.0f} changes/s)",
                "remaining expired changes": f"{done.remaining_changes:,}",
                "held or current changes": f"{done.held_changes:,}",
                "partitions dropped": ", ".join(done.partitions) or "none",
                "deleted actions": f"{done.deleted_actions:,}",
            }
        )
        _warn_by_rows(done.by_rows)
    _rows({"evidence": str(report.evidence), "log": str(report.log)})


def _batches(seen: Preview) -> str:
    about = "" if seen.batches_exact else "about "
    whole = f" and {len(seen.partitions)} whole partitions" if seen.partitions else ""
    cap = ", more than retention.max_batches: one run will not do" if seen.capped else ""
    return f"{about}{seen.batches:,} batches{whole}{cap}"


def _days(seen: Preview) -> None:
    """By table, and by day where a screen holds that; --json and the evidence record have every day."""
    tables: dict[str, list[Day]] = {}
    for day in seen.days:
        tables.setdefault(day.table, []).append(day)
    many = len(seen.days) > _SHOWN
    for table, days in tables.items():
        size = sum(day.bytes for day in days) / 1e6
        out.print(f"  {table}: {sum(day.changes for day in days):,} changes, {size:,.1f} MB", markup=False)
        for day in [] if many else days:
            out.print(f"    {day.day}  {day.changes:>12,}  {day.bytes / 1e6:>10,.3f} MB", markup=False)
    if many:
        out.print(f"  by day: {len(seen.days):,} rows, shown by --json", markup=False)


def _warn_by_rows(reason: str | None) -> None:
    if reason:
        warn(f"partitions go by rows, which is slower: {reason}")


def _rows(rows: dict[str, str]) -> None:
    for name, value in rows.items():
        out.print(f"  {name:<26}{value}", markup=False)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise PolicyError(
            "the cutoff is not an ISO 8601 time", got=text, fix="write it like 2026-01-31T00:00:00Z"
        ) from None
