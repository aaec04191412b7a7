"""Create the audit tables and the shared functions, or bring an older install up to date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from threadline_ops.capture import catalog, definition
from threadline_ops.database import Database
from threadline_ops.sql import template

_TABLES = ("schema", "actions", "transactions", "transactions_upgrade", "changes", "changes_upgrade")
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
    """The audit schema is as it should be.

    Attributes:
        owner: who owns the audit tables, and so with whose rights changes are captured.
    """

    schema: str
    owner: str
    statements: int


def install(database: Database, application_roles: Sequence[str] = ()) -> Installed:
    """Create or upgrade the audit schema in one transaction; running it again changes nothing.

    Nothing is ever dropped: tables, columns, rows and indexes that are there stay.

    Args:
        database: where; a role that owns the audit tables, or will.
        application_roles: roles that may record actions, and nothing else.

    Raises:
        DatabaseError: the server refused a statement; nothing was changed.
    """
    schema = database.settings.audit_schema
    done = 0
    with database.transaction() as connection:
        for statement in statements(schema, application_roles):
            connection.execute(statement)
            done += 1
        owner, current = catalog.owner(database)
        if owner != current:
            for function in definition.shared_functions(schema):
                connection.execute(
                    template("capture/function_owner").format(**function.identity, owner=sql.Identifier(owner))
                )
    return Installed(schema, owner, done)


def statements(audit_schema: str, application_roles: Sequence[str] = ()) -> Iterator[sql.Composed]:
    """Every statement of an install in order, for printing as well as for running."""
    audit = sql.Identifier(audit_schema)
    for name in (*_TABLES, *(f"index_{name}" for name in _INDEXES)):
        yield template(f"capture/install/{name}").format(audit=audit, audit_name=sql.Literal(audit_schema))
    for function in definition.shared_functions(audit_schema):
        yield from function.statements()
    for role in application_roles:
        for name in ("grant_schema", "grant_action"):
            yield template(f"capture/install/{name}").format(audit=audit, role=sql.Identifier(role))
