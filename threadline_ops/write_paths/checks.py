"""What must hold for one exercised path, each with its own sentence and its own message where it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from threadline_ops.declared import WritePath
from threadline_ops.sections import CaptureTable
from threadline_ops.write_paths.exercise import Answer
from threadline_ops.write_paths.leaks import Leaks
from threadline_ops.write_paths.observe import Change, Sighting, Transaction

ACTOR_TYPES = ("user", "admin", "service_account", "job", "system", "anonymous")
#: Shorter values occur by chance.
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Check:
    """One thing that must hold; `observed` never quotes a captured value."""

    key: str
    sentence: str
    status: Literal["OK", "Issue", "Not run"]
    observed: str


@dataclass(frozen=True)
class Exercised:
    """Everything known about one exercise.

    Attributes:
        writes: as declared, tables with their schema.
        capture: per-table settings, by `schema.table`.
        witnessed: for each transaction whether an actor was set at its end, and its backend; empty without a witness.
    """

    path: WritePath
    writes: list[str]
    answer: Answer
    sighting: Sighting
    witnessed: dict[int, tuple[bool, int]]
    leaks: Leaks
    capture: dict[str, CaptureTable]


def checks(done: Exercised) -> tuple[Check, ...]:
    """Every check of a path, in the order in which a reader wants them."""
    return tuple(_all(done))


def _all(done: Exercised) -> Iterator[Check]:
    yield _check("answered", "The path answers as declared", done.answer.expected, done.answer.observed)
    transactions = done.sighting.transactions
    yield _captured(done)
    if not transactions:
        return
    yield _writes(done)
    count = len(transactions)
    yield _check("one_transaction", "Its writes are one transaction", count == 1, f"{count} audit transactions")
    yield _actor(done)
    yield _well_formed(done)
    yield _local(done)
    yield _action(done)
    yield _correlation(done)
    yield _redaction(done)


def _check(key: str, sentence: str, holds: bool, observed: str) -> Check:
    return Check(key, sentence, "OK" if holds else "Issue", observed)


def _captured(done: Exercised) -> Check:
    seen = done.sighting
    found = sum(len(transaction.changes) for transaction in seen.transactions)
    if found:
        ways = {"link": "by its action", "action": "by its action's transaction", "mark": "by the correlation id in it"}
        how = ways.get(seen.transactions[0].by, "as the only writer meanwhile")
        observed = f"{found} changes were found {how}"
    elif seen.nearby:
        observed = (
            f"{seen.nearby} transactions wrote to its tables meanwhile, and nothing ties one of them to this run: "
            "record an action with the correlation id"
        )
    else:
        observed = f"no audit row appeared within {done.path.timeout_s} s: nothing was written, or it is not captured"
    return _check("captured", "Its writes are captured", bool(found), observed)


def _writes(done: Exercised) -> Check:
    seen = {write for transaction in done.sighting.transactions for write in transaction.wrote()}
    missing, more = sorted(set(done.writes) - seen), sorted(seen - set(done.writes))
    observed = f"missing: {', '.join(missing)}" if missing else f"all of {', '.join(sorted(set(done.writes)))}"
    return _check(
        "right_table_and_operation",
        "They are captured with the right table and operation",
        not missing,
        observed + (f"; also captured: {', '.join(more)}" if more else ""),
    )


def _actor(done: Exercised) -> Check:
    without = [t for t in done.sighting.transactions if t.actor is None]
    sentence = "Its transaction carries an actor"
    if not without:
        return Check("actor_present", sentence, "OK", "every transaction has one")
    return Check("actor_present", sentence, "Issue", _why_no_actor(without[0], done.witnessed))


def _why_no_actor(transaction: Transaction, witnessed: dict[int, tuple[bool, int]]) -> str:
    if transaction.malformed:
        return "an actor was set, but it is none: capture kept its text in meta and recorded no actor"
    if transaction.txid not in witnessed:
        return (
            "threadline.actor_ref was not set before the first write: never, or too late "
            "(environments.<name>.observe_writes = true tells which)"
        )
    if witnessed[transaction.txid][0]:
        return "threadline.actor_ref was set after the first write, which is too late: set it before"
    return "threadline.actor_ref was never set in this transaction: set it before the first write"


def _well_formed(done: Exercised) -> Check:
    sentence = "The actor is well-formed, and of a type that this path may have"
    actors = [t.actor for t in done.sighting.transactions if t.actor is not None]
    if not actors:
        return Check("actor_well_formed", sentence, "Not run", "there is no actor to look at")
    allowed = done.path.actor_types or (("job",) if done.path.kind == "job" else ACTOR_TYPES)
    problem = next((found for actor in actors if (found := _objection(actor, allowed))), None)
    return _check("actor_well_formed", sentence, problem is None, problem or f"one of {', '.join(allowed)}")


def _objection(actor: Any, allowed: tuple[str, ...]) -> str | None:
    if not isinstance(actor, dict):
        return "the actor is no object with type and id"
    fields = cast("dict[str, Any]", actor)
    kind, identifier = fields.get("type"), fields.get("id")
    if kind not in ACTOR_TYPES:
        return f"the actor's type is none of {', '.join(ACTOR_TYPES)}"
    if kind != "anonymous" and not (isinstance(identifier, str) and identifier):
        return f"the actor of type {kind} has no id"
    if kind not in allowed:
        return f"the actor's type is {kind}, and this path may only have {', '.join(allowed)}"
    return None


def _local(done: Exercised) -> Check:
    sentence = "The actor is gone with its transaction"
    leaks = done.leaks
    if leaks.left:
        since = "before" if leaks.before else "after"
        return Check(
            "actor_is_local",
            sentence,
            "Issue",
            f"{since} the path ran, a backend of this pool kept an actor: threadline.actor_ref is set for the "
            "session, and the next client's writes get it; use set_config('threadline.actor_ref', ..., true)",
        )
    served = {backend for _, backend in done.witnessed.values()}
    if served and not served & leaks.backends:
        return Check("actor_is_local", sentence, "Not run", "the backend that served the path is not in our pool")
    if not leaks.pooled:
        return Check("actor_is_local", sentence, "Not run", "without a shared pool the host's connections are its own")
    return Check("actor_is_local", sentence, "OK", f"none of {len(leaks.backends)} backends of the pool has an actor")


def _action(done: Exercised) -> Check:
    sentence = "Its action is recorded and linked to its transaction"
    if done.sighting.actions == 0:
        return Check("action_linked", sentence, "Issue", "no action with the correlation id was recorded")
    unlinked = sum(not t.linked for t in done.sighting.transactions)
    observed = (
        f"an action was recorded, but action_id of {unlinked} transactions does not link to it"
        if unlinked
        else f"{done.sighting.actions} recorded, every transaction is linked"
    )
    return _check("action_linked", sentence, not unlinked, observed)


def _correlation(done: Exercised) -> Check:
    seen = done.sighting
    sentence = "The correlation id is carried to the action"
    if done.path.kind == "job" and seen.actions and not seen.job_ids:
        return Check("correlation_carried", sentence, "Issue", "the job's action has the correlation id and no job_id")
    return _check("correlation_carried", sentence, seen.actions > 0, f"{seen.actions} actions carry it")


def _redaction(done: Exercised) -> Check:
    sentence = "Nothing that is redacted appears in clear"
    configured = {name: rules for name, rules in done.capture.items() if rules.mask or rules.exclude}
    touched = [
        (c, configured[f"{c.schema}.{c.table}"]) for c in _changes(done) if f"{c.schema}.{c.table}" in configured
    ]
    if not touched:
        return Check("nothing_redacted_in_clear", sentence, "OK", "its tables redact no column")
    leaked = sorted({f"{c.table}.{column}" for c, rules in touched for column in _in_clear(c, rules, done.path.body)})
    observed = f"in clear: {', '.join(leaked)}" if leaked else f"{len(touched)} changes of tables that redact columns"
    return _check("nothing_redacted_in_clear", sentence, not leaked, observed)


def _changes(done: Exercised) -> Iterator[Change]:
    for transaction in done.sighting.transactions:
        yield from transaction.changes


def _in_clear(change: Change, rules: CaptureTable, body: dict[str, Any] | None) -> Iterator[str]:
    """Columns that are there as themselves, or whose value as it was sent is anywhere in the change."""
    everything = json.dumps(change.values, ensure_ascii=False)
    for column in (*rules.mask, *rules.exclude):
        allowed = {rules.mask_placeholder} if column in rules.mask else set[str]()
        rows = [cast("dict[str, Any]", row) for row in change.values.values() if isinstance(row, dict)]
        values = [row[column] for row in rows if column in row]
        sent = (body or {}).get(column)
        repeated = isinstance(sent, str) and len(sent) >= _SHORTEST_SECRET and sent in everything
        if repeated or any(value not in allowed for value in values):
            yield column
