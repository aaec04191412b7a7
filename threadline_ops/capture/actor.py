"""Tell capture who acts, always for one transaction alone, and record what the application says it did."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Literal
from uuid import UUID

import psycopg
import sqlalchemy
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from sqlalchemy import event

from threadline_ops.capture.context import Actor, current_actor, current_request
from threadline_ops.errors import SettingsError
from threadline_ops.sql import statement
from threadline_ops.telemetry import action_recorded, transaction_committed


@contextmanager
def acting(connection: psycopg.Connection[Any], actor: Actor) -> Generator[None]:
    """A transaction, or a part of one, whose changes are attributed to `actor`.

    Set it before the first write: capture reads the actor once, when a transaction's first change comes.
    Transaction-local, so it is safe behind a pooler in transaction mode.

    Args:
        connection: a psycopg connection; inside an open transaction this becomes a savepoint.
        actor: who acts until the end of the `with`.
    """
    outermost = connection.info.transaction_status == TransactionStatus.IDLE
    with connection.transaction():
        before = _value(connection, statement("capture/actor_get"))
        _value(connection, statement("capture/actor_set"), {"actor": _text(actor)})
        yield
        # A released savepoint would hand the actor on to the transaction around it.
        _value(connection, statement("capture/actor_set"), {"actor": before})
    if outermost:
        transaction_committed()


def attribute(
    engine: sqlalchemy.Engine, actor: Callable[[], Actor | None] = current_actor.get
) -> Callable[[sqlalchemy.Connection], None]:
    """Attribute every transaction of a SQLAlchemy engine, as it begins.

    Args:
        engine: its connections; not one in AUTOCOMMIT, where no transaction could carry the actor.
        actor: asked at each begin; None leaves the transaction without an actor.

    Returns:
        The listener, for `sqlalchemy.event.remove(engine, "begin", listener)`.
    """

    def set_actor(connection: sqlalchemy.Connection) -> None:
        found = actor()
        if found is not None:
            connection.execute(
                sqlalchemy.text("select set_config('threadline.actor_ref', :actor, true)"),
                {"actor": _text(found)},
            )

    event.listen(engine, "begin", set_actor)
    return set_actor


def record_action(
    connection: psycopg.Connection[Any] | sqlalchemy.Connection,
    name: str,
    *,
    actor: Actor | None = None,
    status: Literal["ok", "error"] = "ok",
    verb: str | None = None,
    category: str | None = None,
    reason: str | None = None,
    comment: str | None = None,
    correlation_id: str | None = None,
    request_id: str | None = None,
    job_id: str | None = None,
    audit_schema: str = "public",
) -> UUID:
    """Record an action and link the open transaction to it; before or after its writes, in the same one.

    Args:
        connection: in the transaction whose changes the action explains.
        name: what was done, such as "order.refunded".
        actor: who did it, when not the transaction's own actor.
        status: how it went.
        verb: what was done, in one word.
        category: what kind of action it is.
        reason: why.
        comment: anything else.
        correlation_id: ties actions across services; the current request's when not given.
        request_id: the same for one request.
        job_id: the job that acted.
        audit_schema: where the audit tables are.

    Raises:
        SettingsError: there is no transaction that the action could be linked to.
    """
    request = current_request.get()
    action = {
        "name": name,
        "actor_ref": actor.reference() if actor else None,
        "status": status,
        "verb": verb,
        "category": category,
        "reason": reason,
        "comment": comment,
        "correlation_id": correlation_id if correlation_id is not None else request.correlation_id,
        "request_id": request_id if request_id is not None else request.request_id,
        "job_id": job_id,
    }
    number = _recorded(connection, json.dumps(action, ensure_ascii=False), audit_schema)
    action_recorded(status)
    return number


def _recorded(connection: psycopg.Connection[Any] | sqlalchemy.Connection, action: str, audit_schema: str) -> UUID:
    if isinstance(connection, sqlalchemy.Connection):
        quoted = connection.dialect.identifier_preparer.quote_identifier(audit_schema)
        call = sqlalchemy.text(
            f"select {quoted.replace(':', chr(92) + ':')}.threadline_record_action(cast(:action as jsonb))"
        )
        return UUID(str(connection.execute(call, {"action": action}).scalar_one()))
    if connection.autocommit and connection.info.transaction_status == TransactionStatus.IDLE:
        raise SettingsError(
            "an action needs the transaction that it explains",
            fix="call record_action inside acting(...) or connection.transaction()",
        )
    return _value(connection, statement("capture/record_action", audit=audit_schema), {"action": action})


def _value(connection: psycopg.Connection[Any], query: sql.Composed, parameters: dict[str, str] | None = None) -> Any:
    """The one value of a statement, whatever row factory the application's connection has."""
    row = connection.cursor(row_factory=tuple_row).execute(query, parameters or {}).fetchone()
    return row[0] if row else None


def _text(actor: Actor) -> str:
    return json.dumps(actor.reference(), ensure_ascii=False)
