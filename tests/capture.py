"""A database under capture, for tests: its connection, and what capture recorded in it."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from threadline_ops.capture.names import parse
from threadline_ops.capture.triggers import TableCaptured, apply
from threadline_ops.database import Database
from threadline_ops.progress import drive
from threadline_ops.sections import CaptureSettings, CaptureTable, DatabaseSettings


def of(connection: psycopg.Connection, **settings: Any) -> Database:
    return Database(connection, DatabaseSettings(**settings), "tests")


def capture(connection: psycopg.Connection, *tables: str, **settings: Any) -> list[TableCaptured]:
    """Capture tables, all with the same settings; database settings keep their defaults."""
    events: list[TableCaptured] = []
    wanted = CaptureSettings(tables={table: CaptureTable(**settings) for table in tables})
    drive(apply(of(connection), [parse(table, "public") for table in tables], wanted), events.append)
    return events


def changes(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """What was captured, in the order in which it was."""
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(
        "select table_schema, table_name, table_pk as pk, op, data_after as after, changed_fields as fields,"
        " changed_from as before, c.transaction_id, t.actor_ref as actor, t.meta, t.action_id, t.txid"
        " from audit_changes as c join audit_transactions as t on t.id = c.transaction_id"
        " order by c.captured_at"
    ).fetchall()


def last(connection: psycopg.Connection) -> dict[str, Any]:
    return changes(connection)[-1]
