"""What a run over write paths says about rows of the adoption backlog, each with its negative control."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from threadline_ops.topology.claims import Claim

if TYPE_CHECKING:
    from threadline_ops.write_paths.run import PathResult, ProbeReport

#: Rows that one check of every exercised path decides.
_BY_CHECK = {
    "actor.set_in_the_writes_transaction": ("actor_present", "actor_is_local"),
    "actor.actions_recorded": ("action_linked", "correlation_carried"),
}
_CONTROL = "a correlation id that nobody was given"


def claims(report: ProbeReport) -> Iterator[Claim]:
    """Claims about the kinds of path that were exercised; a kind that was not claims nothing."""
    exercised = [path for path in report.paths if path.status in ("OK", "Issue")]
    for kind, row in (("http", "paths.http_write_is_captured"), ("job", "paths.job_write_is_captured")):
        ours = [path for path in exercised if path.kind == kind]
        yield from (_path(row, path) for path in ours)
    checked = [path for path in exercised if path.checks]
    for row, keys in _BY_CHECK.items():
        if checked:
            yield _checked(row, checked, keys)
    jobs = [path for path in checked if path.kind == "job"]
    if jobs:
        yield _checked("actor.jobs_carry_actors", jobs, ("actor_present", "actor_well_formed", "correlation_carried"))


def _path(row: str, path: PathResult) -> Claim:
    return Claim(
        row, path.status == "OK", f"{path.name}: {path.notes}", _CONTROL, bool(path.control_failed), path.cells()
    )  # fmt: skip


def _checked(row: str, paths: list[PathResult], keys: tuple[str, ...]) -> Claim:
    found = [(path.name, check) for path in paths for check in path.checks if check.key in keys]
    bad = [f"{name}: {check.observed}" for name, check in found if check.status == "Issue"]
    # A path without any audit row has no such check, and shows nothing.
    missing = [path.name for path in paths if not {check.key for check in path.checks} >= set(keys)]
    unseen = [f"{name}: {check.observed}" for name, check in found if check.status == "Not run"]
    shown = f"{len(paths)} paths" + (f"; not looked at: {'; '.join(unseen)}" if unseen else "")
    detail = "; ".join(bad) or (f"not shown for {', '.join(missing)}" if missing else shown)
    return Claim(row, not bad and not missing, detail, _CONTROL, all(path.control_failed for path in paths))
