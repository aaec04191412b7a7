"""The Iceberg table held against the chain: what it lacks, what it should not show, and one commit that mends both."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.table import FileScanTask, Table

from threadline_ops.archive.events import Published
from threadline_ops.archive.iceberg import catalog
from threadline_ops.archive.iceberg.contents import COPIES, Expected, expected
from threadline_ops.archive.manifest import Entry
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.store import Files
from threadline_ops.errors import ArchiveError
from threadline_ops.settings import Settings

_LACKS = "the Iceberg table does not show this file; archive write adds it"
_FOREIGN = "the Iceberg table shows a file that no manifest names; archive write takes it out"
_OTHERWISE = "the Iceberg table shows this file otherwise than it is: its size, rows, or rows taken out of it"
_COPY = "this copy for the Iceberg table differs from the archived rows; remove it, and archive write makes it again"


@dataclass(frozen=True)
class _Difference:
    """By URI.

    Attributes:
        lacking: files that the table should show.
        foreign: what it shows and should not.
        otherwise: what it shows, but not as it is.
    """

    lacking: list[str]
    foreign: dict[str, DataFile]
    otherwise: dict[str, DataFile]


def publish(settings: Settings, files: Files, entries: list[Entry]) -> Published | None:
    """Make the table show what the chain says, in one commit; None where it does already.

    Raises:
        ArchiveError: the catalog or a file cannot be reached; the archive itself is whole.
    """
    wanted = _by_uri(files, expected(files, entries))
    with catalog.opened(settings, files) as table:
        found = _compared(table, wanted)
        adding = [*found.lacking, *found.otherwise]
        removing = found.foreign | found.otherwise
        if not (adding or removing):
            _sweep(files, wanted.values())
            return None
        for uri in adding:
            _write_copy(files, wanted[uri])
        _commit(table, adding, list(removing.values()), {"threadline-ops.head": entries[-1].sha256})
        _sweep(files, wanted.values())
        return Published(settings.archive.iceberg_table, table.metadata_location, len(adding), len(removing))


def check(settings: Settings, files: Files, entries: list[Entry]) -> list[Problem]:
    """What the table shows otherwise than the chain says."""
    try:
        wanted = _by_uri(files, expected(files, entries))
        with catalog.opened(settings, files) as table:
            found = _compared(table, wanted)
    except ArchiveError as error:
        return [Problem("iceberg", settings.archive.iceberg_table, error.what)]
    kinds = ((found.lacking, _LACKS), (found.foreign, _FOREIGN), (found.otherwise, _OTHERWISE))
    problems = [Problem("iceberg", uri.removeprefix(files.uri + "/"), text) for uris, text in kinds for uri in uris]
    copies = [one for one in wanted.values() if one.copy is not None]
    return problems + [Problem("iceberg", one.name, _COPY) for one in copies if _altered(files, one)]


def _by_uri(files: Files, wanted: Iterable[Expected]) -> dict[str, Expected]:
    return {f"{files.uri}/{one.name}": one for one in wanted}


def _compared(table: Table, wanted: dict[str, Expected]) -> _Difference:
    shown: dict[str, list[FileScanTask]] = {}
    for task in table.scan().plan_files():
        shown.setdefault(task.file.file_path, []).append(task)
    files = {uri: tasks[0].file for uri, tasks in shown.items()}
    return _Difference(
        [uri for uri in wanted if uri not in shown],
        {uri: file for uri, file in files.items() if uri not in wanted},
        {uri: file for uri, file in files.items() if uri in wanted and not _fits(wanted[uri], shown[uri])},
    )


def _fits(one: Expected, tasks: list[FileScanTask]) -> bool:
    file = tasks[0].file
    return (
        len(tasks) == 1
        and not tasks[0].delete_files
        and file.record_count == one.rows
        and one.size in (None, file.file_size_in_bytes)
    )


def _write_copy(files: Files, one: Expected) -> None:
    if one.copy is None:
        return
    if files.read(one.name) is None:
        files.publish(one.name, one.written)
    elif _altered(files, one):
        raise ArchiveError("a copy of archived rows was altered", got=one.name, fix="remove it, then run again")


def _sweep(files: Files, wanted: Iterable[Expected]) -> None:
    """Remove copies that nothing shows any more: their day has another version, or left the archive."""
    names = {one.name for one in wanted}
    for name in files.names(COPIES):
        if f"{COPIES}/{name}" not in names:
            files.remove_file(f"{COPIES}/{name}")


def _altered(files: Files, one: Expected) -> bool:
    found = files.read(one.name)
    return found is None or not pq.read_table(io.BytesIO(found)).equals(one.copy)


def _commit(table: Table, adding: list[str], removing: list[DataFile], properties: dict[str, str]) -> None:
    with table.transaction() as transaction:
        update = transaction.update_snapshot(snapshot_properties=properties)
        with update.overwrite() if removing else update.merge_append() as changes:
            for file in removing:
                changes.delete_data_file(file)
            for uri in adding:
                changes.append_data_file(parquet_file_to_data_file(table.io, table.metadata, uri))
    if len(table.snapshots()) > 1:
        # The chain keeps the versions; snapshots would name files that the archive's retention has removed.
        table.maintenance.expire_snapshots().older_than(datetime.now(UTC) + timedelta(days=1)).commit()
