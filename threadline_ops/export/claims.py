"""What an export shows for the adoption backlog, with the negative control of each check."""

from __future__ import annotations

from threadline_ops import evidence
from threadline_ops.database import Database, opened
from threadline_ops.errors import OpsError
from threadline_ops.export import readback
from threadline_ops.export.destination import Destination
from threadline_ops.export.document import OPERATION, stream
from threadline_ops.export.filters import Filters
from threadline_ops.export.result import Exported
from threadline_ops.settings import Settings

LARGE = "export.large_exports"
FILTERS = "export.filters_match_timeline"

#: So many of the newest changes are compared one by one; the counts tell of the rest.
_COMPARED = 200


def claim(
    recording: evidence.Recording,
    settings: Settings,
    filters: Filters,
    location: str,
    done: Exported,
    *,
    hive: bool,
) -> None:
    """Read the export again, and hold it against the count and the timeline of its own snapshot.

    Args:
        recording: of the run, which has counted what the export should hold.
        settings: the database.
        filters: of the export.
        location: of the export.
        done: what was published there.
        hive: its files are not in the order of time, so that its newest changes are not at its end.
    """
    counted = recording.figures.get("planned_rows")
    if counted is None or not done.rows or not readback.readable(done):
        recording.log("the export is empty, resumed when it was complete, or too large to be read again for evidence")
        return
    try:
        destination = Destination(location)
        _claim_rows(recording, destination, done, counted)
        if not hive:
            with opened(settings, OPERATION, direct=True) as database:
                _claim_filters(recording, database, filters, destination, done)
    except OpsError as error:
        # The export stands; only the evidence about it is missing.
        recording.log(f"the export could not be held against the timeline: {error.what}")


def _claim_rows(recording: evidence.Recording, destination: Destination, done: Exported, counted: int) -> None:
    written = readback.rows(destination, done)
    recording.support(
        LARGE,
        ok=written == counted,
        detail=f"{written} changes read back from {len(done.files)} files, {counted} counted"
        + (f" under a cap of {done.max_rows}, which the export says it hit" if done.truncated else ""),
        control=evidence.control(
            "an export without its last file or line",
            lambda: readback.rows(destination, done, cut=True) == counted,
        ),
    )


def _claim_filters(
    recording: evidence.Recording, database: Database, filters: Filters, destination: Destination, done: Exported
) -> None:
    exported = readback.newest_ids(destination, done, _COMPARED)
    with database.transaction(read_only=True, snapshot=True) as connection:
        database.one("export/reader_settings", {"broad": "on"})
        shown = [change.id for change in stream(database, filters, limit=_COMPARED, snapshot=done.snapshot)]
        statement = database.statement("export/selected")
        row = connection.execute(statement, filters.parameters() | {"ids": exported}).fetchone()
    assert row is not None
    there, selected = row
    if not there:
        recording.log("a purge took what was exported before it could be held against the timeline")
        return
    # Older changes move up where a purge took some of the newest ones, and these were not read back.
    shown = shown[:there]
    ok = bool(shown) and set(shown) <= set(exported) and there == selected
    recording.support(
        FILTERS,
        ok=ok,
        detail=f"the newest {len(shown)} changes of the timeline are in the export, and {selected} of {there} exported "
        "ones that are still there match its filters"
        if ok
        else "the export and the timeline under the same filters differ",
        control=evidence.control("an export without its newest change", lambda: set(shown) <= set(exported[1:])),
    )
