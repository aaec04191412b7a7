"""How much a run takes on: sizes and repeats, for all groups in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What a run is given; every group takes its sizes from here.

    Attributes:
        transactions: of the generated history, with three times as many changes.
        read: transactions of what exports read.
        slowest_reads: the template that the slowest reader is compared on, which takes minutes for a million changes.
        repeats: of each case.
        decisive: repeats of purges at full speed and of exports, which a few percent decide.
        patience_s: Threadline's algorithm would run for hours at full size: it is stopped after so many seconds and
            extrapolated from its rate so far, which favours it, because it gets slower as it goes.
        idle_s: seconds of a capturing writer alone, before the purges beside it.
        days: the oldest ones, which are archived.
        rows: of the table that baselines are taken of. Below a hundred thousand, files and round trips are all that is
            measured.
        records: of the evidence store; what is told is always for `evidence.RECORDS`.
        often: repeats of what takes less than a second, so that what else the machine does hits both sides alike.
        statements: of a thousand rows each, in one measurement of what capture costs.
        kept_readers: whether processes that export live through the whole run. A new one for each export, whose start
            is part of the time, is what people have; but where a second's work is left, importing is all that shows.
    """

    transactions: int
    read: int
    slowest_reads: str
    repeats: int
    decisive: int
    patience_s: float
    idle_s: float
    days: int
    rows: int
    records: int
    often: int
    statements: int
    kept_readers: bool


FULL = Effort(
    transactions=1_000_000, read=1_000_000, slowest_reads="full", repeats=3, decisive=5, patience_s=20, idle_s=8,
    days=60, rows=1_000_000, records=100_000, often=15, statements=20, kept_readers=False,
)  # fmt: skip
QUICK = Effort(
    transactions=100_000, read=30_000, slowest_reads="tenth", repeats=5, decisive=5, patience_s=0.4, idle_s=0.8,
    days=10, rows=100_000, records=5_000, often=5, statements=5, kept_readers=True,
)  # fmt: skip
