"""What the reads return."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.rows import TupleRow

Values = dict[str, Any]


@dataclass(frozen=True)
class ChangeRecord:
    """One captured row mutation, with who did it.

    Attributes:
        table_pk: the row's key as captured.
        data_after: the row after the change; None for a delete.
        changed_fields: what an update changed, sorted.
        changed_from: old values of changed fields, where the table stores them.
    """

    id: UUID
    transaction_id: UUID
    table_schema: str
    table_name: str
    op: str
    captured_at: datetime
    table_pk: Values
    data_after: Values | None
    changed_fields: list[str] | None
    changed_from: Values | None
    occurred_at: datetime | None
    actor_ref: Any
    source: str | None
    action_id: UUID | None
    action_name: str | None
    correlation_id: str | None

    @classmethod
    def of(cls, row: TupleRow) -> ChangeRecord:
        """A record from a row of the statements in sql/investigate."""
        values = list(row)
        for place in (6, 7, 9, 11):
            values[place] = exact(values[place])
        return cls(*values)


@dataclass(frozen=True)
class TransactionRecord:
    """One captured database transaction and the action that it belongs to.

    Attributes:
        changes: how many of its changes are still retained.
    """

    id: UUID
    txid: int
    occurred_at: datetime
    actor_ref: Any
    source: str | None
    meta: Any
    action_id: UUID | None
    action_name: str | None
    status: str | None
    reason: str | None
    correlation_id: str | None
    changes: int

    @classmethod
    def of(cls, row: TupleRow) -> TransactionRecord:
        """A record from a row of sql/investigate/transactions.sql."""
        values = list(row)
        for place in (3, 5):
            values[place] = exact(values[place])
        return cls(*values)


@dataclass(frozen=True)
class TransactionDetail:
    """A transaction with its changes, in the order of their capture."""

    transaction: TransactionRecord
    changes: list[ChangeRecord]


def exact(text: str | None) -> Any:
    """JSON text as Python values; a number that a float would round becomes a Decimal."""
    return None if text is None else json.loads(text, parse_float=_number)


def _number(digits: str) -> float | Decimal:
    rounded = float(digits)
    return rounded if repr(rounded) == digits else Decimal(digits)
