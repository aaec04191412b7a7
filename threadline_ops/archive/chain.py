"""The chain of manifests as it lies in the store, held against itself and against the database's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from threadline_ops.archive.ledger import Known
from threadline_ops.archive.manifest import FOLDER, Entry, name_of
from threadline_ops.archive.problems import Problem
from threadline_ops.archive.store import Files
from threadline_ops.database import Identity
from threadline_ops.errors import ArchiveError


@dataclass(frozen=True)
class Chain:
    """The entries that could be read, in order, and what is wrong with the chain."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]

    @property
    def head(self) -> Entry | None:
        """The newest entry."""
        return self.entries[-1] if self.entries else None

    def require_intact(self) -> None:
        """Refuse to build or delete on a broken chain.

        Raises:
            ArchiveError: naming the first problem.
        """
        for problem in self.problems:
            more = f" and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
            raise ArchiveError(
                f"the archive's chain is broken: {problem}{more}",
                fix="run threadline-ops archive verify, and restore what it names; nothing was changed",
            )

    def require_related(self, identity: Identity, audit_schema: str, same_as: tuple[str, ...]) -> None:
        """Refuse to write or delete where the archive is of another database.

        Raises:
            ArchiveError: some entry is of a cluster that is neither this one nor named in archive.same_as, or of
                another database or schema.
        """
        for entry in self.entries:
            known = entry.manifest.database
            if known["system_identifier"] not in (identity.system_identifier, *same_as):
                raise ArchiveError(
                    f"the archive was written from another cluster than this one, {identity.system_identifier}",
                    got=known["system_identifier"],
                    fix="if this database is that one, restored or copied, say so: archive.same_as = "
                    f'["{known["system_identifier"]}"]; otherwise give it an archive of its own',
                )
            of_this = (known["database"], entry.manifest.audit_schema) == (identity.database, audit_schema)
            if not of_this and not same_as:
                raise ArchiveError(
                    "the archive is of another database or schema",
                    got=f"{known['database']}.{entry.manifest.audit_schema}",
                    fix="give this database an archive of its own, or name the old cluster in archive.same_as",
                )


def load(files: Files, ledger: Mapping[int, Known]) -> Chain:
    """Read and check the whole chain; never raises for what it finds.

    Args:
        files: the archive.
        ledger: what the database knows; empty when it cannot be asked.
    """
    names = [name for name in files.names(FOLDER) if name.endswith(".json") and not name.startswith(".")]
    last = max([int(name.removesuffix(".json")) for name in names if name[:-5].isdigit()], default=0)
    entries: list[Entry] = []
    problems: list[Problem] = []
    previous: str | None = None
    for sequence in range(1, last + 1):
        entry, problem = _read(files, sequence)
        if entry and not problem:
            problem = _objection(entry, sequence, previous, ledger.get(sequence))
        previous = entry.sha256 if entry else None
        problems += [problem] if problem else []
        entries += [entry] if entry else []
    beyond = sorted(sequence for sequence in ledger if sequence > last)
    if beyond:
        text = f"the chain ends at {last}, but the database knows of {beyond[-1]}"
        problems.append(Problem("truncated", name_of(beyond[0]), text))
    return Chain(tuple(entries), tuple(problems))


def _read(files: Files, sequence: int) -> tuple[Entry | None, Problem | None]:
    name = name_of(sequence)
    content = files.read(name)
    if content is None:
        return None, Problem("chain", name, "the manifest is missing from the chain")
    try:
        return Entry.of(content), None
    except ValueError:
        return None, Problem("manifest", name, "the manifest cannot be read")


def _objection(entry: Entry, sequence: int, previous: str | None, known: Known | None) -> Problem | None:
    name, manifest = name_of(sequence), entry.manifest
    if known is not None and known.sha256 != entry.sha256:
        return Problem("manifest", name, f"the manifest of {manifest.day} is not the one that the database recorded")
    if manifest.sequence != sequence:
        return Problem("chain", name, f"the manifest says that it is number {manifest.sequence}")
    if manifest.previous != previous:
        return Problem("manifest", name, f"the entry before that of {manifest.day} was edited, swapped or removed")
    return None
