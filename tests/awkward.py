"""Changes whose values break naive writers and readers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

START = datetime(2026, 5, 1, 23, 59, 59, 999_990, tzinfo=UTC)

VALUES: list[dict[str, Any] | None] = [
    {"note": 'comma, "quote"\r\nnewline'},
    {"note": "grüße 東京 🛫 \u2028"},
    {"note": "\u0001\u0002\u001f tab\t", "deep": {"a": [1, None, {"b": {}}]}},
    {},
    None,
    {"big": "x" * 1_000_000},
    {"wide": [f"{n:x}" * 3 for n in range(200_000)]},
    {"exact": 12345678901234567890.0, "text": ""},
    {"formula": "=1+1", "empty": None},
]


def add(
    connection: psycopg.Connection,
    *,
    data: dict[str, Any] | None,
    table: str = "flights",
    schema: str = "public",
    op: str | None = None,
    pk: dict[str, Any] | None = None,
    at: datetime = START,
    fields: list[str] | None = None,
    before: dict[str, Any] | None = None,
    actor: dict[str, str] | None = None,
    correlation: str | None = None,
    source: str | None = None,
    meta: dict[str, Any] | None = None,
) -> UUID:
    """One change in a transaction of its own."""
    action = None
    if correlation is not None:
        action = uuid4()
        connection.execute(
            "insert into audit_actions (id, name, actor_ref, status, reason, correlation_id)"
            " values (%s, 'flight.move', %s, 'ok', 'weather', %s)",
            (action, json.dumps(actor or {"type": "anonymous"}), correlation),
        )
    transaction, change = uuid4(), uuid4()
    connection.execute(
        "insert into audit_transactions (id, txid, occurred_at, actor_ref, source, meta, action_id)"
        " values (%s, (select coalesce(max(txid), 0) + 1 from audit_transactions), %s, %s, %s, %s, %s)",
        (
            transaction,
            at,
            json.dumps(actor) if actor is not None else None,
            source,
            json.dumps(meta) if meta is not None else None,
            action,
        ),
    )
    connection.execute(
        "insert into audit_changes (id, transaction_id, table_schema, table_name, table_pk, op, data_after,"
        " changed_fields, changed_from, captured_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            change, transaction, schema, table, json.dumps(pk or {"id": "1"}),
            op or ("delete" if data is None else "update"),
            None if data is None else json.dumps(data), fields,
            None if before is None else json.dumps(before), at,
        ),
    )  # fmt: skip
    return change


def fill(connection: psycopg.Connection) -> None:
    """All awkward values, around midnight, over three tables, with and without actors and actions."""
    for place, data in enumerate(VALUES):
        add(
            connection,
            data=data,
            table=("flights", 'we"ird, täble\x01=/', "planes")[place % 3],
            at=START + timedelta(microseconds=4 * (place // 2)),
            fields=[None, [], ["a,b", 'q"', "\x01"]][place % 3],
            before=[None, {}, {"a,b": None}][place % 3],
            actor=[None, {"type": "user", "id": "4,2"}, {"type": "anonymous"}][place % 3],
            correlation="corr-1" if place % 4 == 0 else None,
            source=[None, "", "app"][place % 3],
            meta=[None, {}, {"ip": "::1"}][place % 3],
        )
