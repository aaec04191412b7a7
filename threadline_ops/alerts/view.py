"""What one walk over the evidence shows of an environment, kept until the evidence grows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from threadline_ops.backlog.history import History, Issue
from threadline_ops.evidence import Head, Record, Store, records
from threadline_ops.health.operations import Ledger
from threadline_ops.settings import Settings

#: Ends of a run that say nothing about what it looked for.
_INCONCLUSIVE = ("failed", "refused", "canceled", "killed")


@dataclass(frozen=True)
class View:
    """The newest of everything that alerts look at.

    Attributes:
        issues: the open ones.
        executed: the newest executed run of each operation that came to an end of its own.
        ledger: when each operation last succeeded.
    """

    issues: tuple[Issue, ...]
    executed: dict[str, Record]
    ledger: Ledger


def view(settings: Settings) -> View:
    """The view of this environment's evidence as it is now.

    Raises:
        EvidenceError: a record cannot be read.
    """
    store = Store(settings.evidence.directory)
    head = store.head() if store.chain.is_dir() else None
    return _view(store.directory.absolute(), settings.environment, settings.backlog.valid_days, head)


@lru_cache(maxsize=4)
def _view(directory: Path, environment: str, valid_days: int, head: Head | None) -> View:
    """A sensor asks every minute and evidence comes a few times a day: the head tells whether anything is new."""
    if head is None:
        return View((), {}, Ledger())
    executed: dict[str, Record] = {}
    ledger = Ledger()

    def noted() -> Iterator[Record]:
        for record in records(Store(directory)):
            if record.environment == environment:
                ledger.read(record)
                if record.mode == "execute" and record.outcome not in _INCONCLUSIVE:
                    executed[record.operation] = record
            yield record

    history = History(environment, timedelta(days=valid_days))
    history.read(noted())
    mine = [issue for issue in history.issues.values() if issue.environment == environment and not issue.closed]
    return View(tuple(mine), executed, ledger)
