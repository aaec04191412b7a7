"""Which rows of a slice are not what was archived: their ids, and nothing of what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pyarrow as pa
import rfc8785

from threadline_ops.archive import content
from threadline_ops.archive.events import SliceDiffers
from threadline_ops.archive.manifest import Entry, Manifest
from threadline_ops.archive.slices import Slice
from threadline_ops.archive.store import Files
from threadline_ops.archive.verify import intact, tables_of
from threadline_ops.database import Database


@dataclass(frozen=True)
class _Rows:
    """Digests of a slice's changes and of their transactions, by id."""

    changes: dict[str, str]
    transactions: dict[str, str]


def report(
    database: Database, files: Files, entry: Entry, part: Slice, run_id: str, *, gone: bool = False
) -> SliceDiffers:
    """Compare a slice row by row, and leave the ids in a file of the archive.

    Args:
        database: the audited one.
        files: the archive.
        entry: the day's manifest.
        part: the slice.
        run_id: of the run that found the difference.
        gone: the slice was purged before, so that nothing of it should be live.

    Raises:
        ArchiveError: the day's files are no longer what was written.
    """
    live = _live(database, part)
    archived = _Rows({}, {}) if gone else _archived(files, entry.manifest, part)
    missing = sorted(archived.changes.keys() - live.changes.keys())
    added = sorted(live.changes.keys() - archived.changes.keys())
    changed = sorted(
        name for name in archived.changes.keys() & live.changes.keys() if archived.changes[name] != live.changes[name]
    )
    transactions = sorted(
        name
        for name in archived.transactions.keys() | live.transactions.keys()
        if archived.transactions.get(name) != live.transactions.get(name)
    )
    day = entry.manifest.day.isoformat()
    name = f"reports/{run_id}/{day}-{part.number}.json"
    body = {"day": day, "version": entry.manifest.version, "slice": part.number, "manifest": entry.sha256}
    ids = {"missing": missing, "added": added, "changed": changed, "transactions": transactions}
    files.publish(name, rfc8785.dumps({"format": 1} | body | ids))
    return SliceDiffers(
        entry.manifest.day, part.number, tuple(missing), tuple(added), tuple(changed), tuple(transactions),
        files.path(name),
    )  # fmt: skip


def _live(database: Database, part: Slice) -> _Rows:
    with database.transaction(read_only=True, snapshot=True, statement_timeout_ms=0) as connection:
        changes = connection.execute(database.statement("archive/slice_changes"), part.bounds).fetchall()
        transactions = connection.execute(database.statement("archive/slice_transactions"), part.bounds).fetchall()
    return _Rows(dict(changes), dict(transactions))


def _archived(files: Files, manifest: Manifest, part: Slice) -> _Rows:
    start = sum(earlier.rows for earlier in manifest.slices[: part.number])
    found = _Rows({}, {})
    place = 0
    for file in manifest.files:
        if place + file.rows > start and place < start + part.rows:
            for table in tables_of(intact(files, manifest, file)):
                _add(found, table, start - place, start + part.rows - place)
                place += table.num_rows
        else:
            place += file.rows
    return found


def _add(found: _Rows, table: pa.Table, start: int, stop: int) -> None:
    """Take the table's rows from `start` to `stop`, as far as it has them."""
    own = table.slice(max(0, start), max(0, min(table.num_rows, stop) - max(0, start)))
    if own.num_rows == 0:
        return
    ids = [str(UUID(bytes=value)) for value in content.column(own, "id").to_pylist()]
    found.changes.update(zip(ids, content.digests(content.changes(own)), strict=True))
    parents = content.transactions(own)
    keys = [str(UUID(bytes=value)) for value in parents.ids.to_pylist()]
    found.transactions.update(zip(keys, content.digests(parents.contents), strict=True))
