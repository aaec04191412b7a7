"""A chunk of the baseline while live rows are held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from threadline_ops.continuity.changes import Mask, Newest, Places
from threadline_ops.continuity.keys import joined_keys
from threadline_ops.continuity.manifest import Chunk
from threadline_ops.continuity.subject import Subject


@dataclass
class Range:
    """A chunk while its live rows are compared.

    Attributes:
        chunk: of the baseline; None when there is no baseline and the range is the whole table.
        rows: of the baseline.
        keys: of those rows, as joined texts.
        met: which of them a live row was found for.
    """

    chunk: Chunk | None
    rows: pa.Table | None
    keys: Any
    met: Mask

    @classmethod
    def of(cls, subject: Subject, chunk: Chunk | None, rows: pa.Table | None) -> Range:
        """The range of a chunk, none of whose rows has been met."""
        keys = None if rows is None else joined_keys(rows, subject.relation.key)
        return cls(chunk, rows, keys, np.zeros(0 if rows is None else rows.num_rows, np.bool_))

    def meet(self, keys: Any) -> Places:
        """Where in the chunk the rows with these keys are, or -1; marks what it finds."""
        if self.rows is None:
            return np.full(len(keys), -1, np.int64)
        found = pc.fill_null(pc.index_in(keys, value_set=self.keys.combine_chunks()), -1)
        places: Places = found.to_numpy().astype(np.int64)
        self.met[places[places >= 0]] = True
        return places

    def newer(self, newest: Newest, changes: Places) -> Mask:
        """Whether a change came after the chunk's row: its transaction is not visible in the chunk's snapshot."""
        known = changes >= 0
        if self.chunk is None or not known.any():
            return known
        unseen = np.zeros(len(changes), np.bool_)
        unseen[known] = self.chunk.moment.snapshot.unseen(newest.found["txid"][changes[known]].astype(np.int64))
        return unseen


def unequal(left: pa.Table, right: pa.Table, names: Sequence[str]) -> Mask:
    """Which rows differ in any of these columns, NULL and NaN being equal to themselves."""
    differs = np.zeros(left.num_rows, np.bool_)
    for name in names:
        one, other = left.column(name), right.column(name)
        if one.type != other.type:
            differs[:] = True  # one side holds what the type cannot: the server must compare
            break
        same = pc.fill_null(pc.equal(one, other), False)
        same = pc.or_(same, pc.and_(pc.is_null(one), pc.is_null(other)))
        if pa.types.is_floating(one.type):
            same = pc.or_(same, pc.fill_null(pc.and_(pc.is_nan(one), pc.is_nan(other)), False))
        differs |= ~same.to_numpy()
    return differs
