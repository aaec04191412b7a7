"""Database snapshots as data: which transactions a chunk saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from threadline_ops.database import Database
from threadline_ops.errors import ContinuityError

#: More than this between a standby snapshot's bounds would make every chunk's manifest a list of numbers.
_STANDBY_SPAN = 20_000


@dataclass(frozen=True)
class Snapshot:
    """What pg_snapshot holds: everything below xmin is visible, nothing from xmax on, nor what `running` lists."""

    xmin: int
    xmax: int
    running: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.xmin}:{self.xmax}:{','.join(map(str, self.running))}"

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Read the text form, which is pg_snapshot's own.

        Raises:
            ValueError: it is not of that form.
        """
        xmin, xmax, running = text.split(":")
        return cls(int(xmin), int(xmax), tuple(int(x) for x in running.split(",") if x))

    def sees(self, txid: int) -> bool:
        """What pg_visible_in_snapshot says of a committed transaction."""
        return txid < self.xmin or (txid < self.xmax and txid not in self.running)

    def unseen(self, txids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these the snapshot does not see."""
        late = txids >= self.xmax
        if self.running:
            late |= (txids >= self.xmin) & np.isin(txids, np.asarray(self.running, dtype=np.int64))
        return late


@dataclass(frozen=True)
class Moment:
    """A snapshot together with when and where it was taken.

    Attributes:
        snapshot: of the transaction at hand.
        at: the server's clock.
        origin: "standby" during recovery, else "primary".
    """

    snapshot: Snapshot
    at: datetime
    origin: Literal["primary", "standby"]


def moment(database: Database) -> Moment:
    """The snapshot of the REPEATABLE READ transaction at hand.

    Raises:
        ContinuityError: a standby replays a transaction that began too long ago.
    """
    xmin, xmax, running, in_recovery, at = database.one("continuity/moment")
    if in_recovery:
        running = _hidden_on_standby(database, xmin, xmax)
    return Moment(Snapshot(xmin, xmax, tuple(running)), at, "standby" if in_recovery else "primary")


def _hidden_on_standby(database: Database, xmin: int, xmax: int) -> list[int]:
    if xmax - xmin > _STANDBY_SPAN:
        raise ContinuityError(
            "a transaction has been running on the primary for too long to place a standby's snapshot",
            got={"transactions_since": xmax - xmin},
            fix="run again once it has ended, or read from the primary",
        )
    parameters: dict[str, Any] = {"xmin": xmin, "xmax": xmax}
    return database.one("continuity/standby_running", parameters)[0]
