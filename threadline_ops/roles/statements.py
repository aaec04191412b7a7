"""The statements that create the four roles and grant each what its operations need, and nothing else.

Reader: investigation, coverage, doctor, dry runs. Exporter: the same with exports, and the captured tables for
baselines. Purger: deletes expired changes, places no hold. Installer: capture and holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from psycopg import sql

from threadline_ops.capture.names import Table, parse
from threadline_ops.database import Database
from threadline_ops.settings import Settings
from threadline_ops.sql import template


class Duty(Enum):
    """What a role is for."""

    READER = "reader"
    EXPORTER = "exporter"
    PURGER = "purger"
    INSTALLER = "installer"


#: Before the grants: what they name. The same statements make these tables on first use elsewhere.
_GROUND = (
    "roles/create_audit_schema",
    "evidence/create_schema",
    "evidence/create_anchors",
    "holds/create_table",
    "control/create_table",
)
_SHARED = ("roles/anchor_evidence", "roles/read_holds")
_OWN = {
    Duty.READER: (),
    Duty.EXPORTER: (),
    Duty.PURGER: ("roles/delete_changes", "roles/steer_purge"),
    Duty.INSTALLER: ("roles/place_holds", "roles/steer_purge"),
}
_AUDIT_TABLES = ("audit_transactions", "audit_changes")


def statements(settings: Settings, duties: Sequence[Duty] = tuple(Duty)) -> Iterator[sql.Composed]:
    """Every statement in order; running them again changes nothing.

    The installer's need no audit tables, so that it can install and own them; those of the others do.

    Args:
        settings: names of roles and schemas, and which tables are captured.
        duties: only these roles.

    Raises:
        SettingsError: a table's name in the settings cannot be read.
    """
    tables = captured_tables(settings)
    for name in _GROUND:
        yield _statement(settings, name)
    for duty in duties:
        role = getattr(settings.roles, duty.value)
        yield _block(settings, "create", role, role_name=sql.Literal(role))
        yield _in_schema(settings, "use_schema", settings.database.operations_schema, role)
        for name in (*_SHARED, *_OWN[duty]):
            yield _statement(settings, name, role=role)
        yield from _audit(settings, duty, role)
        yield from _host(settings, duty, role, tables)


def execute(database: Database, settings: Settings, duties: Sequence[Duty] = tuple(Duty)) -> int:
    """Run the statements in one transaction, and say how many there were.

    Args:
        database: connected as a role that may create roles, and grant on what they name.
        settings: see `statements`.
        duties: see `statements`.

    Raises:
        DatabaseError: the server refused one; nothing was changed.
    """
    with database.transaction() as connection:
        done = 0
        for statement in statements(settings, duties):
            connection.execute(statement)
            done += 1
    return done


def captured_tables(settings: Settings) -> list[Table]:
    """The host's tables that settings capture or expect to be captured, sorted."""
    named = (*settings.capture.tables, *settings.coverage.expected_tables)
    return sorted({parse(name, settings.database.audit_schema) for name in named})


def _audit(settings: Settings, duty: Duty, role: str) -> Iterator[sql.Composed]:
    audit = settings.database.audit_schema
    if duty is Duty.INSTALLER:
        yield _in_schema(settings, "build_in_schema", audit, role)
        return
    yield _in_schema(settings, "use_schema", audit, role)
    for table in _AUDIT_TABLES:
        yield _statement(settings, "roles/read_table", schema=audit, table=table, role=role)
    yield _block(settings, "read_actions", role, audit_name=sql.Literal(audit))


def _host(settings: Settings, duty: Duty, role: str, tables: Sequence[Table]) -> Iterator[sql.Composed]:
    if duty not in (Duty.EXPORTER, Duty.INSTALLER):
        return
    for schema in sorted({table.schema for table in tables}):
        yield _in_schema(settings, "use_schema", schema, role)
    name = "roles/read_table" if duty is Duty.EXPORTER else "roles/capture_table"
    for table in tables:
        yield _statement(settings, name, schema=table.schema, table=table.name, role=role)


def _in_schema(settings: Settings, name: str, schema: str, role: str) -> sql.Composed:
    return _statement(settings, f"roles/{name}", schema=schema, role=role)


def _statement(settings: Settings, name: str, **identifiers: str) -> sql.Composed:
    return template(name).format(**_identifiers(settings, identifiers))


def _block(settings: Settings, name: str, role: str, **literals: sql.Literal) -> sql.Composed:
    """A DO statement whose body is one quoted literal, so that no name in it can end it."""
    body = template(f"roles/body_{name}").format(**_identifiers(settings, {"role": role}), **literals)
    return template(f"roles/{name}").format(body=sql.Literal(body.as_string(None)))


def _identifiers(settings: Settings, more: dict[str, str]) -> dict[str, sql.Identifier]:
    database = settings.database
    names = {"audit": database.audit_schema, "operations": database.operations_schema} | more
    return {key: sql.Identifier(name) for key, name in names.items()}
