"""The application's own data access: SQLAlchemy, one transaction a request, right or wrong on demand."""

from __future__ import annotations

import json
from uuid import uuid4

from sqlalchemy import Connection, Engine, create_engine, text

#: What can be wrong about a host, each a real mistake.
FAULTS = (
    "forgets_actor",
    "sets_actor_late",
    "sets_actor_for_session",
    "leaves_action_unlinked",
    "records_no_action",
    "malformed_actor",
    "unknown_actor_type",
    "two_transactions",
    "writes_nothing",
)

TABLES = (
    "create table bookings (id bigint generated always as identity primary key, flight integer not null, note text)",
    "create table passengers (id bigint generated always as identity primary key, booking_id bigint, email text)",
)


def engine_for(dsn: str) -> Engine:
    """Behind a transaction-pooling pooler nothing may be prepared on the server."""
    return create_engine(dsn, connect_args={"prepare_threshold": None})


def book(engine: Engine, actor: dict, *, flight: int, email: str, correlation_id: str, fault: str = "", job: str = ""):
    """One booking with its passenger, attributed to the actor, explained by an action."""
    if fault == "writes_nothing":
        return
    shown = {"malformed_actor": "somebody", "unknown_actor_type": json.dumps({"type": "robot", "id": "7"})}
    reference = shown.get(fault, json.dumps(actor))
    with engine.begin() as connection:
        if fault == "sets_actor_for_session":
            connection.execute(text("select set_config('threadline.actor_ref', :actor, false)"), {"actor": reference})
        elif fault not in ("forgets_actor", "sets_actor_late"):
            _set_actor(connection, reference)
        booking = connection.execute(
            text("insert into bookings (flight) values (:flight) returning id"), {"flight": flight}
        ).scalar_one()
        if fault == "sets_actor_late":
            _set_actor(connection, reference)
        if fault != "two_transactions":
            _passenger(connection, booking, email)
        if fault != "records_no_action":
            _record(connection, actor, correlation_id, job, linked=fault != "leaves_action_unlinked")
    if fault == "two_transactions":
        with engine.begin() as connection:
            _set_actor(connection, reference)
            _passenger(connection, booking, email)
            _record(connection, actor, correlation_id, job, linked=True)


def _set_actor(connection: Connection, reference: str) -> None:
    connection.execute(text("select set_config('threadline.actor_ref', :actor, true)"), {"actor": reference})


def _passenger(connection: Connection, booking: int, email: str) -> None:
    connection.execute(
        text("insert into passengers (booking_id, email) values (:booking, :email)"),
        {"booking": booking, "email": email},
    )


def _record(connection: Connection, actor: dict, correlation_id: str, job: str, *, linked: bool) -> None:
    action = uuid4()
    connection.execute(
        text(
            "insert into audit_actions (id, name, actor_ref, status, correlation_id, job_id)"
            " values (:id, 'book', cast(:actor as jsonb), 'ok', :correlation, nullif(:job, ''))"
        ),
        {"id": action, "actor": json.dumps(actor), "correlation": correlation_id, "job": job},
    )
    if linked:
        connection.execute(
            text("update audit_transactions set action_id = :id where txid = txid_current()"), {"id": action}
        )
