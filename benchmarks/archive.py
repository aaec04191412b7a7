"""The archive of the oldest days: writing it against a plain export, and purging by it against a plain purge."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, time, timedelta

from benchmarks.cases import Case, interleaved, ratio, seconds
from benchmarks.effort import FULL, Effort
from benchmarks.ground import SPAN, Ground
from benchmarks.profile import Profile, profiled
from threadline_ops.archive import GatedRequest, WriteRequest, run_gated_purge, run_verify, run_write
from threadline_ops.export import ExportRequest, Filters, run_export
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.sections import ArchiveSettings, ExportSettings
from threadline_ops.settings import Settings


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Every archive case."""
    measured = interleaved(
        {"ours": lambda: _archived(ground, effort), "plain": lambda: _plain(ground, effort)}, effort.repeats
    )
    return [
        ratio(
            "archive.overhead", measured["archive"], measured["export"], goal=1.3, better="lower",
            note=f"{effort.days} days archived over one export of them, both with two readers and their evidence",
        ),
        ratio(
            "archive.gated_purge", measured["gated"], measured["purge"], goal=1.5, better="lower",
            note="days that were read back before; both at full speed, 5,000 changes a batch",
        ),
    ]  # fmt: skip


def profiles(ground: Ground) -> list[Profile]:
    """Where the time of writing the archive goes, and of purging by it."""
    with ground.copy("full") as name:
        settings, days = _settings(ground, name), _days(ground, FULL)
        written = profiled("archive", ground.server.pid, lambda: run_write(settings, WriteRequest(days)))
        assert not run_verify(settings).problems
        purged = profiled("gated purge", ground.server.pid, lambda: run_gated_purge(settings, _gated(days)))
    _clear(ground)
    return [written, purged]


def _settings(ground: Ground, database: str) -> Settings:
    place = ground.directory / "archive"
    return ground.settings(database).model_copy(
        update={
            "archive": ArchiveSettings(directory=str(place / "days"), seal_wait_s=0),
            "export": ExportSettings(directory=str(place / "exports")),
        }
    )


def _clear(ground: Ground) -> None:
    shutil.rmtree(ground.directory / "archive", ignore_errors=True)


def _days(ground: Ground, effort: Effort) -> tuple[date, ...]:
    """The first day, which is no whole one, and as many as are wanted."""
    first = (ground.end - SPAN).date()
    return tuple(first + timedelta(days=number) for number in range(effort.days + 1))


def _cutoff(days: tuple[date, ...]) -> datetime:
    """The midnight that ends these days."""
    return datetime.combine(days[-1] + timedelta(days=1), time(), UTC)


def _gated(days: tuple[date, ...]) -> GatedRequest:
    return GatedRequest(execute=True, cutoff=_cutoff(days), max_batches=10**9, full_speed=True)


def _archived(ground: Ground, effort: Effort) -> dict[str, float]:
    """Seconds of archiving the days and, once they are read back, of the purge by them."""
    days = _days(ground, effort)
    _clear(ground)
    with ground.copy("full") as name:
        settings = _settings(ground, name)

        def write() -> None:
            assert run_write(settings, WriteRequest(days)).rows

        def purge() -> None:
            result = run_gated_purge(settings, _gated(days)).result
            assert result.outcome == "complete", result

        archive = seconds(write)
        assert not run_verify(settings).problems
        found = {"archive": archive, "gated": seconds(purge)}
    _clear(ground)
    return found


def _plain(ground: Ground, effort: Effort) -> dict[str, float]:
    """Seconds of an export of the same days, and of a purge of them that needs no archive."""
    cutoff = _cutoff(_days(ground, effort))
    older = ExportRequest(filters=Filters(until=cutoff - timedelta(microseconds=1)))
    request = PurgeRequest(execute=True, cutoff=cutoff, batch_size=5_000, full_speed=True)
    with ground.copy("full") as name:
        settings = _settings(ground, name)

        def export() -> None:
            assert run_export(settings, older).result.rows

        def purge() -> None:
            result = run_purge(settings, request).result
            assert result is not None
            assert result.outcome == "complete", result

        found = {"export": seconds(export), "purge": seconds(purge)}
    _clear(ground)
    return found
