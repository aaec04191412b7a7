"""Whether the archive has a published face, and what it shows; the engine behind it is loaded only then."""

from __future__ import annotations

from collections.abc import Generator
from types import ModuleType

from threadline_ops.archive.events import Published
from threadline_ops.archive.manifest import Entry
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.store import Files
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings


def publish(settings: Settings, files: Files, entries: list[Entry]) -> Generator[Published]:
    """Make the Iceberg table show what the chain says, if archive.format asks for one; tells only of changes.

    Raises:
        SettingsError: pyiceberg is not installed, or the catalog is not named.
        ArchiveError: the catalog or a file cannot be reached; the archive itself is whole.
    """
    if settings.archive.format == "iceberg" and entries:
        done = _face().publish(settings, files, entries)
        if done is not None:
            yield done


def misshown(settings: Settings, files: Files, entries: list[Entry]) -> list[Problem]:
    """What the Iceberg table shows otherwise than the chain says; nothing where none is asked for."""
    return _face().check(settings, files, entries) if settings.archive.format == "iceberg" and entries else []


def _face() -> ModuleType:
    try:
        from threadline_ops.archive.iceberg import face
    except ImportError:
        raise SettingsError(
            'archive.format is "iceberg", but pyiceberg is not installed', fix="install threadline-ops[iceberg]"
        ) from None
    return face
