"""Create the audit tables and the shared functions, or bring an older install up to date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from threadline_ops.capture import definition
from threadline_ops.database import Database
from threadline_ops.sql import template

_TABLES = ("actions", "transactions", "transactions_upgrade", "changes", "changes_upgrade")
_INDEXES = (
    "audit_transactions_txid_idx",
    "audit_transactions_actor_ref_gin",
    "audit_changes_transaction_id_idx",
    "audit_changes_table_name_idx",
    "audit_changes_captured_at_idx",
    "audit_actions_actor_ref_idx",
    "audit_actions_inserted_at_idx",
    "audit_actions_name_idx",
)


@dataclass(frozen=True)
class Installed:
    """The audit schema is as it should be."""

    schema: str
    statements: int


def install(database: Database) -> Installed:
    """Create or upgrade the audit schema in one transaction; running it again changes nothing.

    Nothing is ever dropped: tables, columns, rows and indexes that are there stay.

    Raises:
        DatabaseError: the server refused a statement; nothing was changed.
    """
    done = 0
    with database.transaction() as connection:
        for statement in statements(database.settings.audit_schema):
            connection.execute(statement)
            done += 1
    return Installed(database.settings.audit_schema, done)


def statements(audit_schema: str) -> Iterator[sql.Composed]:
    """Every statement of an install in order, for printing as well as for running."""
    audit = sql.Identifier(audit_schema)
    files = ("schema", *_TABLES, *(f"index_{name}" for name in _INDEXES))
    for name in files:
        yield template(f"capture/install/{name}").format(audit=audit)
    for function in definition.shared_functions(audit_schema):
        yield function.create()
        yield function.revoke()
