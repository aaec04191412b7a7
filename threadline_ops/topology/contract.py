"""The contract that audited writes and this suite rely on, each clause probed beside a case where it must not hold."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

from threadline_ops.errors import OpsError
from threadline_ops.topology import contract_actor, contract_session, contract_transaction
from threadline_ops.topology.clause import Clause, Seen
from threadline_ops.topology.detect import Facts, Mode
from threadline_ops.topology.targets import Target

CLAUSES: tuple[Clause, ...] = (
    *contract_session.CLAUSES,
    *contract_transaction.CLAUSES,
    *contract_actor.CLAUSES,
)

_NO_TRANSACTIONS = "this pool mode refuses transactions, so no write here can carry an actor"
_NO_WRITES = "it writes into a schema of its own, which environments.<name>.allow_writes = true must allow"


@dataclass(frozen=True)
class Probe:
    """What probing one clause came to.

    Attributes:
        key: as in `CLAUSES`.
        sentence: the clause.
        observed: what was seen, with figures; never a captured value.
        control: the case in which the clause must not hold.
        control_failed: it did not hold there, as it must; None where the clause was not probed.
    """

    key: str
    sentence: str
    status: Literal["OK", "Issue", "Not run"]
    observed: str
    control: str
    control_failed: bool | None


def probe(target: Target, facts: Facts) -> Generator[Probe, None, tuple[Probe, ...]]:
    """Probe every clause that this environment allows, yielding each as it is done."""
    done: list[Probe] = []
    for clause in CLAUSES:
        done.append(_one(clause, target, facts))
        yield done[-1]
    return tuple(done)


def _one(clause: Clause, target: Target, facts: Facts) -> Probe:
    if facts.mode in (Mode.statement, Mode.unknown) and clause.needs_transactions:
        return Probe(clause.key, clause.sentence, "Issue", _NO_TRANSACTIONS, clause.control, None)
    if clause.writes and not target.declared.allow_writes:
        return Probe(clause.key, clause.sentence, "Not run", _NO_WRITES, clause.control, None)
    seen = _seen(lambda: clause.check(target, facts))
    # A clause whose control also holds proves nothing, however well it looks.
    good = seen.holds and seen.control_failed
    observed = seen.observed if seen.control_failed or not seen.holds else f"{seen.observed}; but so did the control"
    return Probe(clause.key, clause.sentence, "OK" if good else "Issue", observed, clause.control, seen.control_failed)


def _seen(check: Callable[[], Seen]) -> Seen:
    """An error while probing is an observation too: the clause could not be shown."""
    try:
        return check()
    except OpsError as error:
        return Seen(False, f"could not be probed: {error}", control_failed=False)
