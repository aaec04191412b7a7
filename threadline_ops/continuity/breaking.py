"""The negative control of a verification: the same comparison, of something that is known to be wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from threadline_ops.continuity import findings
from threadline_ops.continuity.judging import Judge
from threadline_ops.continuity.ranges import Range
from threadline_ops.continuity.store import Store
from threadline_ops.continuity.subject import chunk_rows
from threadline_ops.errors import ContinuityError

_NO_HASH = "0" * 64


@dataclass
class Broken:
    """Breaks a copy of what was read, once, at the first live row of the baseline.

    Attributes:
        noticed: whether the comparison failed on it; None while there was no such row.
    """

    store: Store
    judge: Judge
    noticed: bool | None = None

    def try_on(self, range_: Range) -> None:
        """Take a row of the range from the live ones, and give its chunk another hash: both must be noticed."""
        met = np.flatnonzero(range_.met)
        if self.noticed is not None or range_.rows is None or range_.chunk is None or not len(met):
            return
        taken = Range.of(self.judge.subject, range_.chunk, range_.rows.take(pa.array(met[:1])))
        with findings.reporting(self.judge.report.key, None) as report:
            replace(self.judge, report=report, tally=Counter[str]()).missing(taken)
            missed = report.counts.total() == 1
        self.noticed = missed and self._refused(range_)

    def _refused(self, range_: Range) -> bool:
        assert range_.chunk is not None
        try:
            chunk_rows(self.store, self.judge.subject, replace(range_.chunk, sha256=_NO_HASH))
        except ContinuityError:
            return True
        return False
