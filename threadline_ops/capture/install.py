"""Create the audit tables and the shared functions, or bring an older install up to date."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from threadline_ops.capture import catalog, definition
from threadline_ops.capture.names import AUDIT_TABLES
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
#: Bytes of a table on which an index is built within the install's transaction, where captured writes wait for it:
#: some ten milliseconds' work.
LARGEST_LOCKED = 8_000_000


@dataclass(frozen=True)
class Installed:
    """The audit schema is as it should be, but perhaps for indexes.

    Attributes:
        owner: who owns the audit tables, and so with whose rights changes are captured.
        pending: statements for indexes that large tables lack; each is to be run by itself, outside of a transaction.
    """

    schema: str
    owner: str
    statements: int
    pending: tuple[str, ...] = ()


def install(database: Database, application_roles: Sequence[str] = ()) -> Installed:
    """Create or upgrade the audit schema in one transaction; running it again changes nothing.

    Nothing is ever dropped: tables, columns, rows and indexes that are there stay. No index is built on a table of
    more than LARGEST_LOCKED bytes, which would keep captured writes waiting: its statement is returned instead,
    because CREATE INDEX CONCURRENTLY cannot run in a transaction, and so not with the limits that we set in one.

    Args:
        database: where; a role that owns the audit tables, or will.
        application_roles: roles that may record actions, and nothing else.

    Raises:
        DatabaseError: the server refused a statement; nothing was changed.
    """
    schema = database.settings.audit_schema
    done = 0
    with database.transaction() as connection:
        later = _on_large_tables(database)
        for statement in statements(schema, application_roles, without=later):
            connection.execute(statement)
            done += 1
        owner, current = catalog.owner(database)
        if owner != current:
            for function in definition.shared_functions(schema):
                connection.execute(
                    template("capture/function_owner").format(**function.identity, owner=sql.Identifier(owner))
                )
    return Installed(schema, owner, done, tuple(_concurrently(schema, name) for name in later))


def _on_large_tables(database: Database) -> list[str]:
    """The indexes that large tables lack, within the transaction at hand."""
    parameters = {"schema": database.settings.audit_schema, "tables": list(AUDIT_TABLES), "bytes": LARGEST_LOCKED}
    large = database.connection.execute(database.statement("capture/large_tables"), parameters).fetchall()
    return [name for name in _INDEXES for table, there in large if name.startswith(f"{table}_") and name not in there]


def _concurrently(audit_schema: str, name: str) -> str:
    """An index's statement as one line, for a table in use."""
    text = template(f"capture/install/index_{name}").format(audit=sql.Identifier(audit_schema)).as_string(None)
    line = " ".join(part for part in text.splitlines() if not part.startswith("--"))
    return line.replace("create index", "create index concurrently", 1)


def _block(audit_schema: str) -> sql.Literal:
    """The DO block that makes the schema, as one literal: a schema's name could end a dollar quote."""
    body = template("capture/install/body_schema").format(
        audit=sql.Identifier(audit_schema), audit_name=sql.Literal(audit_schema)
    )
    return sql.Literal(body.as_string(None))


def statements(
    audit_schema: str, application_roles: Sequence[str] = (), *, without: Collection[str] = ()
) -> Iterator[sql.Composed]:
    """Every statement of an install in order, for printing as well as for running; `without` these indexes."""
    audit = sql.Identifier(audit_schema)
    for name in (*_TABLES, *(f"index_{name}" for name in _INDEXES if name not in without)):
        yield template(f"capture/install/{name}").format(audit=audit, block=_block(audit_schema))
    for function in definition.shared_functions(audit_schema):
        yield from function.statements()
    for role in application_roles:
        for name in ("grant_schema", "grant_action"):
            yield template(f"capture/install/{name}").format(audit=audit, role=sql.Identifier(role))
