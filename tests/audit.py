"""Audit rows made to measure, for tests that need exact ages; capture itself is tested elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from pydantic import SecretStr

from threadline_ops.sections import EvidenceSettings, RetentionSettings
from threadline_ops.settings import Settings

#: A fixed clock: tests pass it as `now`.
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def settings_for(dsn: str, evidence: Path, **retention: Any) -> Settings:
    return Settings(
        dsn=SecretStr(dsn),
        environment="test",
        environment_class="ci",
        evidence=EvidenceSettings(directory=evidence),
        retention=RetentionSettings(**({"enabled": True, "keep_days": 90} | retention)),
    )


def dsn_of(settings: Settings) -> str:
    assert settings.dsn is not None
    return settings.dsn.get_secret_value()


def add_transaction(connection: psycopg.Connection, captured: Iterable[datetime]) -> tuple[UUID, list[UUID]]:
    """One audit transaction with a change at each of these moments; its id and theirs."""
    moments = list(captured)
    transaction = uuid4()
    occurred = min(moments, default=NOW)
    connection.execute(
        "insert into audit_transactions (id, txid, occurred_at)"
        " values (%s, (select coalesce(max(txid), 0) + 1 from audit_transactions), %s)",
        (transaction, occurred),
    )
    changes = [uuid4() for _ in moments]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into audit_changes (id, transaction_id, table_schema, table_name, table_pk, op, captured_at)"
            """ values (%s, %s, 'public', 'flights', '{"id": "1"}', 'delete', %s)""",
            [(change, transaction, moment) for change, moment in zip(changes, moments, strict=True)],
        )
    return transaction, changes


def bulk(connection: psycopg.Connection, *, transactions: int, per_transaction: int, days: int, now: datetime) -> None:
    """Many transactions spread evenly over the days before `now`, the newest one hour old.

    Their ids are negative: ahead of the server's own they would look like a restored database.
    """
    connection.execute(
        """
        with made as (
            insert into audit_transactions (txid, occurred_at)
            select -n, %(now)s - interval '1 hour' - (n * %(days)s * interval '1 day' / %(transactions)s)
            from generate_series(1, %(transactions)s) as n
            returning id, occurred_at
        )
        insert into audit_changes (transaction_id, table_schema, table_name, table_pk, op, captured_at)
        select id, 'public', 'flights', '{"id": "1"}', 'delete', occurred_at + i * interval '1 millisecond'
        from made, generate_series(1, %(per)s) as i
        """,
        {"transactions": transactions, "per": per_transaction, "days": days, "now": now},
    )


def count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(
        psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(table))
    ).fetchone()
    assert row is not None
    return row[0]
