"""Judging live rows: what the newest change or the baseline says of each, and what must be looked at closely."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from threadline_ops.continuity.changes import DELETE, Newest, Places
from threadline_ops.continuity.comparing import BATCH, Comparison, Spot
from threadline_ops.continuity.findings import Finding, Kind, Report
from threadline_ops.continuity.keys import Key, joined_keys, key_texts
from threadline_ops.continuity.manifest import Chunk
from threadline_ops.continuity.ranges import Range, unequal
from threadline_ops.continuity.reading import DIGEST, HASH, PLACE, RELATION
from threadline_ops.continuity.subject import Subject


@dataclass(frozen=True)
class _Live:
    """A batch of live rows, with the places of their newest changes and of their baseline rows, or -1."""

    rows: pa.Table
    changes: Places
    kept: Places

    def spot(self, row: int) -> Spot:
        return Spot(self.rows.column(RELATION)[row].as_py(), self.rows.column(PLACE)[row].as_py())


@dataclass
class Judge:
    """Finds the rows that do not follow from what is known, and reports them.

    Args:
        subject: what is verified.
        newest: the newest change of every key.
        comparison: typed comparisons in the transaction at hand.
        report: receives every finding.
        horizon: changes captured before it may have been purged.
    """

    subject: Subject
    newest: Newest
    comparison: Comparison
    report: Report
    horizon: datetime | None
    tally: Counter[str] = field(default_factory=Counter[str])
    _moved: set[int] | None = None

    def live(self, range_: Range, rows: pa.Table) -> None:
        """Judge a batch of live rows of a range."""
        hashes = rows.column(HASH).to_numpy().astype(np.int64).view(np.uint64)
        changes = self.newest.places(hashes)
        batch = _Live(rows, changes, range_.meet(joined_keys(rows, self.subject.relation.key)))
        newer = range_.newer(self.newest, changes)
        deleted = np.zeros(len(newer), np.bool_)
        deleted[newer] = self.newest.found["op"][changes[newer]] == DELETE
        self._against_changes(batch, np.flatnonzero(newer & ~deleted))
        self._after_deletes(batch, np.flatnonzero(deleted))
        self._against_baseline(range_, batch, np.flatnonzero(~newer & (batch.kept >= 0)))
        self._without_origin(range_, batch, np.flatnonzero(~newer & (batch.kept < 0)))

    def missing(self, range_: Range) -> None:
        """Judge the rows of a chunk that are not live any more."""
        if range_.rows is None or range_.met.all():
            return
        absent = np.flatnonzero(~range_.met)
        for start in range(0, len(absent), BATCH):
            rows = range_.rows.take(pa.array(absent[start : start + BATCH]))
            self._missing(range_, rows)

    def rest(self, numbers: set[int] | None) -> None:
        """Judge the keys that changes know and no row was found for.

        Args:
            numbers: of the chunks in a sample, from 1; None for all.
        """
        places = self.newest.unmatched()
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            keys = self.comparison.changed_keys(self.newest.ids(some), self.subject.version)
            wanted: list[int] = []
            for number, (_, chunk) in enumerate(keys):
                if numbers is not None and chunk + 1 not in numbers:
                    continue
                if not self._settled(int(some[number]), chunk):
                    wanted.append(number)
            self._vanished_after([(keys[number][0], int(some[number])) for number in wanted])

    def _settled(self, place: int, chunk: int) -> bool:
        """Whether the baseline, which has no such row, saw the change: then it was gone by then."""
        version = self.subject.version
        return version is not None and version.chunks[chunk].moment.snapshot.sees(int(self.newest.found["txid"][place]))

    def _against_changes(self, batch: _Live, rows: NDArray[np.intp]) -> None:
        if DIGEST in batch.rows.column_names:
            live = batch.rows.column(DIGEST).to_numpy()[rows]
            rows = rows[live != self.newest.found["digest"][batch.changes[rows]]]
        pairs = [(batch.spot(row), change) for row, change in zip(rows, self._ids(batch, rows), strict=True)]
        outcomes = self.comparison.with_changes(pairs)
        doubtful = [place for place, outcome in enumerate(outcomes) if not outcome.same]
        excused = self._excused([pairs[place] for place in doubtful])
        for number, place in enumerate(doubtful):
            outcome = outcomes[place]
            if outcome.unfit:
                self._found(
                    "unknown", self._key(batch, rows[place]), "a captured value no longer fits its column", None
                )
            elif number in excused:
                self.tally["reordered"] += 1
            else:
                since = self.newest.at(int(batch.changes[rows[place]]))
                key = self._key(batch, rows[place])
                self._found("bypassed", key, "differs from the newest change", since, outcome.columns)

    def _after_deletes(self, batch: _Live, rows: NDArray[np.intp]) -> None:
        pairs = [(batch.spot(row), change) for row, change in zip(rows, self._ids(batch, rows), strict=True)]
        excused = self._excused(pairs)
        for number, row in enumerate(rows):
            if number in excused:
                self.tally["reordered"] += 1
                continue
            since = self.newest.at(int(batch.changes[row]))
            self._found("appeared", self._key(batch, row), "its newest change is a delete", since)

    def _against_baseline(self, range_: Range, batch: _Live, rows: NDArray[np.intp]) -> None:
        if range_.rows is None or range_.chunk is None or not len(rows):
            return
        live = batch.rows.take(pa.array(rows))
        kept = range_.rows.take(pa.array(batch.kept[rows]))
        names = [column.name for column in self.subject.kept]
        doubtful = np.flatnonzero(unequal(live, kept, names))
        if not len(doubtful):
            return
        values = [_as_text(kept.column(name).take(pa.array(doubtful))) for name in names]
        pairs = [(batch.spot(rows[place]), row) for place, row in zip(doubtful, zip(*values, strict=True), strict=True)]
        for place, outcome in zip(doubtful, self.comparison_of_kept.with_values(pairs), strict=True):
            key = self._key(batch, rows[place])
            if outcome.unfit:
                self._found("unknown", key, "a value of the baseline no longer fits its column", None)
            elif not outcome.same:
                reason = "differs from the baseline, and no change came after it"
                self._since_baseline("bypassed", range_.chunk, key, reason, outcome.columns)

    @property
    def comparison_of_kept(self) -> Comparison:
        """Comparisons over the columns that the baseline has."""
        one = self.comparison
        return Comparison(one.connection, one.audit_schema, one.relation, self.subject.kept, one.left_out)

    def _without_origin(self, range_: Range, batch: _Live, rows: NDArray[np.intp]) -> None:
        for row in rows:
            key = self._key(batch, row)
            if range_.chunk is None:
                self._found("unknown", key, "no change and no baseline: from before T0 or the audit horizon", None)
            else:
                self._since_baseline("appeared", range_.chunk, key, "neither inserted nor in the baseline")

    def _missing(self, range_: Range, rows: pa.Table) -> None:
        texts = [column.to_pylist() for column in key_texts(rows, self.subject.relation.key)]
        hashes = np.asarray(self.comparison.hashes(texts), np.int64).view(np.uint64)
        changes = self.newest.places(hashes)
        newer = range_.newer(self.newest, changes)
        assert range_.chunk is not None
        after: list[tuple[Key, int]] = []
        for row, key in enumerate(zip(*texts, strict=True)):
            if newer[row]:
                if self.newest.found["op"][changes[row]] != DELETE:
                    after.append((key, int(changes[row])))
            elif int(hashes[row].view(np.int64)) not in self._moved_keys():
                reason = "in the baseline, and no delete came after it"
                self._since_baseline(self._gone(), range_.chunk, key, reason)
        self._vanished_after(after)

    def _vanished_after(self, rows: Sequence[tuple[Key, int]]) -> None:
        """Rows that are gone although their newest change is no delete."""
        if not rows:
            return
        siblings = self.comparison.siblings(self.newest.ids(np.asarray([place for _, place in rows], np.int64)))
        for number, (key, place) in enumerate(rows):
            if any(operation == "delete" for _, operation in siblings.get(number, [])):
                self.tally["reordered"] += 1
            elif int(self.newest.hashes[place].astype(np.uint64).view(np.int64)) not in self._moved_keys():
                self._found(self._gone(), key, "its newest change is no delete", self.newest.at(place))

    def _gone(self) -> Kind:
        """A missing row proves nothing while deletes were captured that do not say of which row."""
        return "unknown" if self.newest.unidentified else "vanished"

    def _excused(self, pairs: Sequence[tuple[Spot, str]]) -> set[int]:
        """Places of pairs whose row agrees with another change of the same transaction."""
        if not pairs:
            return set()
        again: list[tuple[int, tuple[Spot, str]]] = []
        for start in range(0, len(pairs), BATCH):
            some = pairs[start : start + BATCH]
            for number, siblings in self.comparison.siblings([change for _, change in some]).items():
                others = [change for change, operation in siblings if operation != "delete"]
                again += [(start + number, (some[number][0], change)) for change in others]
        outcomes = self.comparison.with_changes([pair for _, pair in again])
        return {number for (number, _), outcome in zip(again, outcomes, strict=True) if outcome.same}

    def _since_baseline(self, kind: Kind, chunk: Chunk, key: Key, reason: str, columns: tuple[str, ...] = ()) -> None:
        """A finding against the baseline; where changes after it may have been purged it proves nothing."""
        if self.horizon is not None and chunk.moment.at < self.horizon:
            self._found("unknown", key, f"{reason}, but changes after it may have been purged", None, columns)
        else:
            self._found(kind, key, reason, chunk.moment.at, columns)

    def _found(self, kind: Kind, key: Key, reason: str, since: datetime | None, columns: tuple[str, ...] = ()) -> None:
        self.report.add(Finding(kind, key, reason, columns, since, self.subject.moment.at))

    def _moved_keys(self) -> set[int]:
        if self._moved is None:
            self._moved = self.comparison.moved_keys()
        return self._moved

    def _ids(self, batch: _Live, rows: NDArray[np.intp]) -> list[str]:
        return self.newest.ids(batch.changes[rows])

    def _key(self, batch: _Live, row: Any) -> Key:
        return tuple(text[int(row)].as_py() for text in key_texts(batch.rows, self.subject.relation.key))


def _as_text(column: Any) -> list[str | None]:
    texts: list[str | None] = pc.cast(column, pa.string()).to_pylist()
    return texts
