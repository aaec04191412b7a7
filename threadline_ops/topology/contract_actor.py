"""Clauses about the actor: set in a transaction, recorded with its writes, and never with anybody else's."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from threadline_ops.database import Database, opened
from threadline_ops.sql import statement
from threadline_ops.topology.clause import Clause, Seen
from threadline_ops.topology.detect import Facts
from threadline_ops.topology.scratch import OPERATION, Scratch, insertion, scratch
from threadline_ops.topology.targets import Target

#: Enough at once that an ordinary pool lends every backend to several clients.
CLIENTS = 8
TRANSACTIONS = 200


def local(target: Target, facts: Facts) -> Seen:
    """An attributed transaction, an unattributed one after it, and one that is attributed too late."""
    del facts
    with scratch(target.settings) as place, opened(place.settings, OPERATION) as database:
        _write(database, "attributed", actor="attributed")
        _write(database, "next", actor=None)
        with database.transaction() as connection:
            _insert(database, "late")
            connection.execute(statement("topology/set_actor"), {"actor": _actor("late")})
        with database.transaction(read_only=True) as connection:
            actors = dict(connection.execute(database.statement("topology/actors")).fetchall())
    observed = (
        f"the trigger recorded {'its actor' if actors.get('attributed') == 'attributed' else 'no actor'} with the "
        f"attributed write, and {'none' if actors.get('next') is None else 'an actor'} with the next"
    )
    holds = actors.get("attributed") == "attributed" and "next" in actors and actors["next"] is None
    return Seen(holds, observed, control_failed="late" in actors and actors["late"] is None)


def crossed(target: Target, facts: Facts) -> Seen:
    """Many clients at once, each write naming its own actor, and one that lies."""
    del facts
    with scratch(target.settings) as place:
        with ThreadPoolExecutor(CLIENTS) as executor:
            writers = [executor.submit(_client, place, client) for client in range(CLIENTS)]
        for writer in writers:
            writer.result()
        written, wrong, backends, shared = _attributions(place)
        with opened(place.settings, OPERATION) as database:
            _write(database, "honest", actor="somebody else")
        _, control, _, _ = _attributions(place)
    observed = (
        f"{CLIENTS} clients wrote {written} transactions over {backends} backends, {shared} of them shared; "
        f"{wrong} were attributed to somebody else"
    )
    complete = written == CLIENTS * TRANSACTIONS
    return Seen(complete and wrong == 0, observed, control_failed=control == wrong + 1)


def _client(place: Scratch, client: int) -> None:
    with opened(place.settings, OPERATION) as database:
        for number in range(TRANSACTIONS):
            name = f"{client}-{number}"
            _write(database, name, actor=name)


def _write(database: Database, name: str, *, actor: str | None) -> None:
    with database.transaction() as connection:
        if actor is not None:
            connection.execute(statement("topology/set_actor"), {"actor": _actor(actor)})
        _insert(database, name)


def _insert(database: Database, name: str) -> None:
    database.connection.execute(insertion(database.settings.audit_schema), {"client": name})


def _attributions(place: Scratch) -> tuple[int, int, int, int]:
    with opened(place.settings, OPERATION) as database, database.transaction(read_only=True):
        written, wrong, backends, shared = database.one("topology/attributions")
    return int(written), int(wrong), int(backends), int(shared)


def _actor(name: str) -> str:
    return json.dumps({"type": "service_account", "id": name})


CLAUSES = (
    Clause(
        "actor_is_seen_and_gone",
        "The trigger sees the actor of its own transaction, and the next transaction has none",
        "an actor set after the first write",
        local,
        writes=True,
    ),
    Clause(
        "actors_are_never_crossed",
        "Concurrent writers are never attributed to one another",
        "one write that names another's actor on purpose",
        crossed,
        writes=True,
    ),
)
