"""What one verification is about: the table, its baseline, and the snapshot that all is compared under."""

from __future__ import annotations

import hashlib
import io
import random
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from threadline_ops.continuity import manifest
from threadline_ops.continuity.manifest import Chunk, Version
from threadline_ops.continuity.reading import Reader
from threadline_ops.continuity.redaction import Redaction, combined, redaction
from threadline_ops.continuity.relation import Column, Relation, relation
from threadline_ops.continuity.snapshot import Moment, moment
from threadline_ops.continuity.store import Store
from threadline_ops.database import Database, Identity
from threadline_ops.errors import ContinuityError
from threadline_ops.sections import CaptureSettings


@dataclass(frozen=True)
class Subject:
    """A table within the transaction that verifies it.

    Attributes:
        relation: the table.
        redaction: what may not be read: of the settings, the deployed triggers and the baseline.
        moment: the snapshot of the transaction.
        version: the newest complete baseline, if any.
        base: directory of the table's baselines and reports.
        identity: of the database.
    """

    relation: Relation
    redaction: Redaction
    moment: Moment
    version: Version | None
    base: str
    identity: Identity

    def reader(self, *, digested: bool) -> Reader:
        """Reads live rows with their places, and with hashes of them when many must be compared with changes."""
        left_out = self.left_out if digested else None
        # Without a baseline there is nothing that columns could be compared with here.
        return Reader(self.relation, self.redaction, located=True, digested=left_out, bare=self.version is None)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns whose live values are compared with captured ones; virtual ones are never captured."""
        hidden = set(self.redaction.left_out)
        return tuple(
            column for column in self.relation.columns if column.name not in hidden and column.generated != "v"
        )

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the table's columns that are not compared with captured ones."""
        return tuple(sorted({column.name for column in self.relation.columns} - {c.name for c in self.columns}))

    @property
    def kept(self) -> tuple[Column, ...]:
        """Those of them that the baseline has too."""
        if self.version is None:
            return ()
        names = {name for name, _ in self.version.chunks[0].header.columns}
        return tuple(column for column in self.columns if column.name in names)

    @property
    def not_compared(self) -> tuple[str, ...]:
        """Names of columns that take part in no comparison, or that the baseline lacks or alone has."""
        now = {column.name for column in self.relation.columns}
        compared = {column.name for column in (self.columns if self.version is None else self.kept)}
        then = {name for name, _ in self.version.chunks[0].header.columns} if self.version else set[str]()
        return tuple(sorted((now | then) - compared))

    def chunks(self, sample: float, seed: int) -> list[Chunk]:
        """The baseline's chunks to compare, in order; at least one."""
        every = list(self.version.chunks) if self.version else []
        if sample >= 1 or not every:
            return every
        wanted = max(1, round(len(every) * sample))
        chosen = random.Random(seed).sample(range(len(every)), wanted)  # noqa: S311 - a sample, no secret
        return [every[place] for place in sorted(chosen)]


def subject(database: Database, identity: Identity, store: Store, name: str, capture: CaptureSettings) -> Subject:
    """Describe the table and find its baseline, within the transaction at hand.

    Raises:
        ContinuityError: no such table, no key, or a baseline of another life of the cluster.
    """
    found = relation(database, name)
    found.require_key()
    base = manifest.directory(identity, found)
    version = manifest.latest(store, base, complete=True)
    hidden = redaction(database, found, capture)
    if version is not None:
        header = version.chunks[0].header
        _require_same_life(header.timeline, identity, header.table)
        hidden = combined((hidden, Redaction(header.excluded, tuple((column, "") for column in header.masked))))
    return Subject(found, hidden, moment(database), version, base, identity)


def chunk_rows(store: Store, subject: Subject, chunk: Chunk) -> pa.Table:
    """A chunk's rows, after checking that its file is the one its manifest names.

    Raises:
        ContinuityError: it is not.
    """
    assert subject.version is not None
    place = f"{manifest.version_directory(subject.base, subject.version.number)}/{chunk.file}"
    content = store.read(place)
    if hashlib.sha256(content).hexdigest() != chunk.sha256:
        raise ContinuityError(
            "a chunk of the baseline is not the file that its manifest names",
            got=store.place(place),
            fix="restore it, or take a new baseline with --refresh",
        )
    table: Any = pq.read_table(io.BytesIO(content))
    return table


def _require_same_life(timeline: int, identity: Identity, table: str) -> None:
    """Transaction ids order a baseline against changes only where they run on without a break."""
    if timeline != identity.timeline:
        raise ContinuityError(
            "the baseline was taken on another timeline of this cluster, and after a failover or a restore "
            "transaction ids may have been given out twice",
            got={"table": table, "baseline": timeline, "now": identity.timeline},
            fix="take a new baseline with --refresh",
        )
