"""`archive`: write, verify, status, purge and retire; `query` has a module of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from threadline_ops.cli.archive_query import query
from threadline_ops.cli.console import Json, err, out, print_json, warn
from threadline_ops.cli.investigate import moment_of
from threadline_ops.errors import SettingsError

if TYPE_CHECKING:
    from threadline_ops.archive import GatedReport
    from threadline_ops.settings import Settings

archive = typer.Typer(
    help="Archive days of changes, read them back, and purge only what is there.", no_args_is_help=True
)

Days = Annotated[list[str] | None, typer.Option("--day", help="A UTC day like 2026-01-31; may be repeated.")]
Progress = Annotated[bool, typer.Option("--progress/--no-progress", help="Show what is done meanwhile.")]
Wait = Annotated[int | None, typer.Option("--wait", min=0, help="Seconds to wait for days that are not sealed.")]
Cutoff = Annotated[str | None, typer.Option(help="An older cutoff than the policy's, ISO 8601 with a zone.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (write, verify, query, status, purge, retire):
        archive.command(command.__name__)(command)
    app.add_typer(archive, name="archive")


def write(
    day: Days = None,
    again: Annotated[bool, typer.Option("--again", help="Another version of the named days.")] = False,
    wait: Wait = None,
    progress: Progress = True,
    as_json: Json = False,
) -> None:
    """Archive days that are over, each once no open transaction can add to it. Exit status 1: a day is not sealed."""
    from threadline_ops.archive import WriteRequest, run_write

    request = WriteRequest(_days(day), again=again, wait_s=wait)
    report = _stoppable(run_write, _settings(), request, bar=progress and not as_json)
    if as_json:
        print_json(report)
    else:
        _rows(
            {
                "archive": report.location,
                "days": f"{len(report.days):,} with {report.rows:,} changes in {report.seconds:.2f} s",
                "evidence": str(report.evidence),
            }
        )
    if report.waiting:
        warn(report.waiting)
        raise typer.Exit(1)


def verify(
    day: Days = None,
    live: Annotated[bool, typer.Option("--live", help="Compare with the live rows, too.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do without the database.")] = False,
    progress: Progress = True,
    as_json: Json = False,
) -> None:
    """Read the archive back and compute every digest again. Exit status 1: something is not as it was written."""
    from threadline_ops.archive import run_verify

    report = _stoppable(
        run_verify, _settings(), days=_days(day), live=live, offline=offline, bar=progress and not as_json
    )
    if as_json:
        print_json(report)
    else:
        _rows(
            {
                "archive": report.location,
                "read back": f"{report.days:,} days with {report.rows:,} changes in {report.seconds:.2f} s",
                "problems": str(len(report.problems)),
                "evidence": str(report.evidence),
            }
        )
        for problem in report.problems:
            warn(f"{problem.kind}: {problem}")
    if report.problems:
        raise typer.Exit(1)


def status(as_json: Json = False) -> None:
    """Show what is archived, what waits and for whom. Exit status 1: the chain is broken."""
    from threadline_ops.archive.status import status as look
    from threadline_ops.database import opened

    settings = _settings()
    with opened(settings, "archive_status") as database:
        found = look(settings, database)
    if as_json:
        print_json(found)
    else:
        _rows(
            {
                "archive": found.location,
                "days": f"{len(found.days):,} with {sum(day.rows for day in found.days):,} changes",
                "read back": f"{sum(day.verified for day in found.days):,} days",
                "purged": f"{sum(day.purged for day in found.days):,} of {sum(d.slices for d in found.days):,} slices",
                "to archive": ", ".join(map(str, found.pending[:5])) + (", ..." if len(found.pending) > 5 else ""),
                "waiting for": "; ".join(found.waiting) or "nobody",
                "of this cluster": "yes" if found.own else "no: see archive.same_as",
            }
        )
        for problem in found.problems:
            warn(str(problem))
    if found.problems:
        raise typer.Exit(1)


def purge(
    execute: Annotated[bool, typer.Option("--execute", help="Archive, read back and delete; otherwise count.")] = False,
    cutoff: Cutoff = None,
    max_batches: Annotated[int | None, typer.Option(help="Slices at most, instead of the setting.")] = None,
    full_speed: Annotated[bool, typer.Option("--full-speed", help="Do not give way to writers.")] = False,
    wait: Wait = None,
    progress: Progress = True,
    as_json: Json = False,
) -> None:
    """Delete expired changes that the archive holds and proves to hold, slice by slice.

    Exit status 1: something expired is left: capped, not sealed, or not what was archived.
    """
    from threadline_ops.archive import GatedRequest, run_gated_purge

    moment = None if cutoff is None else moment_of(cutoff)
    request = GatedRequest(execute, moment, max_batches, full_speed, wait)
    report = _stoppable(run_gated_purge, _settings(), request, bar=progress and not as_json)
    print_json(report) if as_json else _print_purge(report)
    for differing in report.result.differing:
        warn(str(differing))
    if report.result.waiting:
        warn(report.result.waiting)
    if report.result.outcome not in ("complete", "dry_run"):
        raise typer.Exit(1)


def retire(
    execute: Annotated[bool, typer.Option("--execute", help="Remove; otherwise only list.")] = False,
    as_json: Json = False,
) -> None:
    """Remove days past archive.keep_days from the archive itself, each with a certificate in its chain."""
    from threadline_ops.archive.retire import run_retire

    report = _stoppable(run_retire, _settings(), execute=execute, bar=False)
    if as_json:
        print_json(report)
        return
    _rows(
        {
            "mode": report.mode,
            "days": f"{len(report.days):,} before {report.before}",
            "held": f"{len(report.held):,} more stay",
            "evidence": str(report.evidence),
        }
    )


def _print_purge(report: GatedReport) -> None:
    done = report.result
    _rows(
        {
            "outcome": done.outcome,
            "cutoff": done.cutoff.isoformat(timespec="seconds"),
            "changes": f"{done.deleted_changes:,} in {done.slices:,} slices",
            "transactions": f"{done.deleted_transactions:,}",
            "kept slices": f"{len(done.kept):,} hold changes that must stay",
            "not archived": f"{len(done.unarchived):,} expired days",
            "evidence": str(report.evidence),
        }
    )


def _settings() -> Settings:
    from threadline_ops import settings as configuration

    return configuration.load()


def _stoppable(run: Callable[..., Any], *arguments: Any, bar: bool, **named: Any) -> Any:
    from threadline_ops.progress import Interrupted
    from threadline_ops.stopping import stop_requested

    try:
        with stop_requested() as should_stop, _live(shown=bar) as on_event:
            return run(*arguments, on_event=on_event, should_stop=should_stop, **named)
    except Interrupted:
        warn("stopped on request; what was reported as done is done")
        raise typer.Exit(1) from None


@contextmanager
def _live(*, shown: bool) -> Generator[Callable[[object], None]]:
    """The event in hand on standard error; nothing where that is no terminal."""
    if not (shown and err.is_terminal):
        yield lambda _: None
        return
    with err.status("archive") as line:
        yield lambda event: line.update(_told(event))


def _told(event: object) -> str:
    from threadline_ops.archive import DayArchived, DayVerified, SliceDeleted, Waiting

    match event:
        case Waiting():
            return f"waiting: {event}"
        case DayArchived() | DayVerified():
            return f"{event.day}: {event.rows:,} changes"
        case SliceDeleted():
            return f"purging {event.day}: {event.total_changes:,} changes deleted"
        case _:
            return type(event).__name__


def _rows(rows: dict[str, str]) -> None:
    for name, value in rows.items():
        out.print(f"  {name:<18}{value}", markup=False)


def _days(given: list[str] | None) -> tuple[date, ...]:
    try:
        return tuple(date.fromisoformat(text) for text in given or ())
    except ValueError:
        raise SettingsError("this is no day", got=given, fix="write it like 2026-01-31") from None
