"""What a clause of the contract is made of."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import TypeVar

from threadline_ops.errors import TopologyError
from threadline_ops.topology.detect import Facts
from threadline_ops.topology.targets import Target

#: A second connection that is not served while a first is busy has met a pool of one.
PATIENCE_SECONDS = 10.0

Result = TypeVar("Result")


@dataclass(frozen=True)
class Seen:
    """What probing showed.

    Attributes:
        holds: the clause.
        observed: in words and figures.
        control_failed: it did not hold where it must not.
    """

    holds: bool
    observed: str
    control_failed: bool


@dataclass(frozen=True)
class Clause:
    """One promise, with the case in which it must be broken for the probe to mean anything."""

    key: str
    sentence: str
    control: str
    check: Callable[[Target, Facts], Seen]
    writes: bool = False
    needs_transactions: bool = True


def in_time(future: Future[Result]) -> Result:
    """A thread's result within the patience.

    Raises:
        TopologyError: it waits for a backend that nobody gives it.
    """
    try:
        return future.result(PATIENCE_SECONDS)
    except NotInTime:
        raise TopologyError(
            f"a second connection got no backend for {PATIENCE_SECONDS:.0f} s while a first held a transaction",
            fix="give the pool at least two server connections: a run's lock holds one of them",
        ) from None
