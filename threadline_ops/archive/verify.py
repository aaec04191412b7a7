"""Reading the archive back: every digest computed again from the files' own bytes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from threadline_ops.archive.events import DayVerified
from threadline_ops.archive.ledger import Ledger
from threadline_ops.archive.look import look
from threadline_ops.archive.manifest import Entry, Manifest, newest
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.slices import Slicer
from threadline_ops.archive.store import Files
from threadline_ops.database import Database
from threadline_ops.errors import ArchiveError
from threadline_ops.export.result import FileEntry


@dataclass(frozen=True)
class Verified:
    """What was read back.

    Attributes:
        days: how many, counting versions.
        problems: of the files; those of the chain come with the chain.
    """

    days: int
    rows: int
    problems: tuple[Problem, ...]


def verify(
    files: Files, entries: list[Entry], *, live: Database | None = None
) -> Generator[DayVerified, None, Verified]:
    """Read the days' files back, and compare them with the database if there is one to compare with.

    Args:
        files: the archive.
        entries: of days whose files should be there.
        live: the audited database, for rows that were not purged yet.
    """
    problems: list[Problem] = []
    rows = 0
    current = list(newest(entries).values())
    for entry in entries:
        found = check(files, entry.manifest)
        # A version that a later one replaced is history: the live rows are compared with the later one.
        if live is not None and not found and entry in current:
            found += against(live, entry)
        problems += found
        rows += entry.manifest.rows
        yield DayVerified(entry.manifest.day, entry.manifest.version, entry.manifest.rows, tuple(found))
    return Verified(len(entries), rows, tuple(problems))


def check(files: Files, manifest: Manifest) -> list[Problem]:
    """What is wrong with a day's files."""
    problems: list[Problem] = []
    slicer = Slicer(manifest.day, like=[part.rows for part in manifest.slices])
    for entry in manifest.files:
        place = f"{manifest.folder}/{entry.name}"
        try:
            data = intact(files, manifest, entry)
            rows = 0
            for table in tables_of(data):
                slicer.add(table)
                rows += table.num_rows
        except ArchiveError as error:
            problems.append(Problem(_kind(error), place, error.what))
            continue
        except (pa.ArrowException, OSError, ValueError):
            problems.append(Problem("altered", place, "the file is no Parquet file of an archive"))
            continue
        if rows != entry.rows:
            problems.append(Problem("rows", place, f"the file has {rows} rows, the manifest says {entry.rows}"))
    return problems or _compared(manifest, slicer)


def _kind(error: ArchiveError) -> str:
    """A store that does not answer says nothing against the file."""
    return next((word for word in ("missing", "altered") if word in error.what), "unreadable")


def _compared(manifest: Manifest, slicer: Slicer) -> list[Problem]:
    problems: list[Problem] = []
    found = slicer.finish()
    rows = sum(part.rows for part in found)
    if rows != manifest.rows or sum(file.rows for file in manifest.files) != manifest.rows:
        text = f"the files have {rows} rows, the manifest says {manifest.rows}"
        problems.append(Problem("rows", str(manifest.day), text))
    wrong = [theirs.number for ours, theirs in zip(found, manifest.slices, strict=False) if ours != theirs]
    if wrong or len(found) != len(manifest.slices):
        text = f"the files differ from the manifest's slices {wrong or 'in number'}"
        problems.append(Problem("digest", str(manifest.day), text))
    return problems


def intact(files: Files, manifest: Manifest, entry: FileEntry) -> bytes:
    """A file's bytes, which are those that were written.

    Raises:
        ArchiveError: the file is missing or altered.
    """
    place = f"{manifest.folder}/{entry.name}"
    fix = "restore it from a copy of the archive; the day's rows stay live until it verifies"
    data = files.read(place)
    if data is None:
        raise ArchiveError("a file of the archive is missing", got=place, fix=fix)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ArchiveError("a file of the archive was altered", got=place, fix=fix)
    return data


def tables_of(data: bytes) -> Iterator[pa.Table]:
    """A file's rows, a row group at a time."""
    file = pq.ParquetFile(io.BytesIO(data))
    for group in range(file.num_row_groups):
        yield file.read_row_group(group)


def against(database: Database, entry: Entry) -> list[Problem]:
    """How the live rows differ from an archived day; slices that were purged have none to compare."""
    gone = Ledger(database).purged([entry])[entry.sha256]
    wrong: list[int] = []
    for part in entry.manifest.slices:
        found = look(database, part)
        same = found.versions.changes == 0 if part.number in gone else found.measure == part.measure
        if not same:
            wrong.append(part.number)
    text = f"the live rows differ from the archive in slices {wrong}"
    return [Problem("live", str(entry.manifest.day), text)] if wrong else []
