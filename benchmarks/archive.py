"""The archive: writing it against a plain export, and purging by it against a plain purge."""

from __future__ import annotations

import shutil
import time

from benchmarks.cases import Case, interleaved, ratio
from benchmarks.ground import Ground
from benchmarks.profile import Profile, profiled
from threadline_ops.archive import GatedRequest, WriteRequest, run_gated_purge, run_verify, run_write
from threadline_ops.export import ExportRequest, run_export
from threadline_ops.retention import PurgeRequest, run_purge
from threadline_ops.sections import ArchiveSettings, ExportSettings
from threadline_ops.settings import Settings


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Every archive case."""
    written = interleaved(
        {
            "ours": ground.trial("full", lambda name: _write(_settings(ground, name))),
            "export": ground.trial("full", lambda name: _export(_settings(ground, name))),
        },
        repeats,
    )
    purged = interleaved(
        {"ours": lambda: _gated(ground), "plain": ground.trial("full", lambda name: _plain(ground, name))}, repeats
    )
    return [
        ratio(
            "archive.overhead", written["ours"], written["export"], goal=1.3, better="lower",
            note="every day archived over one export of everything, both with two readers and their evidence",
        ),
        ratio(
            "archive.gated_purge", purged["ours"], purged["plain"], goal=1.5, better="lower",
            note="days that were read back before; both at full speed, 5,000 changes a batch",
        ),
    ]  # fmt: skip


def profiles(ground: Ground) -> list[Profile]:
    """Where the time of writing the archive goes, and of purging by it."""
    with ground.copy("full") as name:
        settings = _settings(ground, name)
        written = profiled("archive", ground.server.pid, lambda: run_write(settings, WriteRequest()))
        assert not run_verify(settings).problems
        purged = profiled("gated purge", ground.server.pid, lambda: run_gated_purge(settings, _request(ground)))
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


def _write(settings: Settings) -> None:
    assert run_write(settings, WriteRequest()).rows
    shutil.rmtree(settings.archive.directory)


def _export(settings: Settings) -> None:
    assert run_export(settings, ExportRequest()).result.rows
    shutil.rmtree(settings.export.directory)


def _plain(ground: Ground, name: str) -> None:
    request = PurgeRequest(execute=True, cutoff=ground.cutoff, batch_size=5_000, full_speed=True)
    result = run_purge(_settings(ground, name), request).result
    assert result is not None
    assert result.outcome == "complete", result


def _request(ground: Ground) -> GatedRequest:
    return GatedRequest(execute=True, cutoff=ground.cutoff, max_batches=10**9, full_speed=True)


def _gated(ground: Ground) -> float:
    """Seconds of the purge alone: the days are archived and read back before."""
    _clear(ground)
    with ground.copy("full") as name:
        settings = _settings(ground, name)
        run_write(settings, WriteRequest())
        assert not run_verify(settings).problems
        started = time.perf_counter()
        result = run_gated_purge(settings, _request(ground)).result
        seconds = time.perf_counter() - started
        assert result.outcome == "complete", result
    _clear(ground)
    return seconds
