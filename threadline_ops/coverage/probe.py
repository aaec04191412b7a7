"""The live probe: touch one row, see it captured, take it all back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import psycopg

from threadline_ops.capture.names import Table, parse
from threadline_ops.capture.triggers import settings_by_table
from threadline_ops.coverage import evidence_sql
from threadline_ops.coverage.rules import Finding, found
from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError
from threadline_ops.sections import CaptureTable
from threadline_ops.settings import Settings


class Outcome(Enum):
    """How a probe ended."""

    CAPTURED = "captured"
    NOT_CAPTURED = "not captured"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class Probed:
    """One table was probed; `reason` says why nothing was proved."""

    table: Table
    outcome: Outcome
    reason: str = ""

    def findings(self) -> Iterator[Finding]:
        """What the probe found wrong."""
        if self.outcome is Outcome.NOT_CAPTURED:
            what = "a row was touched, and no change was captured"
            yield found("probe_not_captured", self.table, what, evidence_sql.triggers(self.table))


def probe_tables(settings: Settings) -> list[Table]:
    """The tables whose owners allow a probe."""
    return [parse(name, settings.database.audit_schema) for name in settings.coverage.probe_tables]


def probe(database: Database, table: Table, settings: Settings) -> Probed:
    """Touch one unlocked row and look for the captured change, in a transaction that is always rolled back.

    Triggers of the host fire as well, and are rolled back with it; what they do outside the database is not,
    which is why probing is opt-in.
    """
    capture = settings_by_table(settings.capture, settings.database.audit_schema).get(table, CaptureTable())
    try:
        captured = _touch(database, table, delete=capture.skip_noop)
    except DatabaseError as error:
        # A missing privilege, a lock, a foreign key: nothing was proved, and nothing was changed.
        return Probed(table, Outcome.UNPROVEN, error.what)
    if captured is None:
        return Probed(table, Outcome.UNPROVEN, "there is no row that could be touched")
    return Probed(table, Outcome.CAPTURED if captured else Outcome.NOT_CAPTURED)


def _touch(database: Database, table: Table, *, delete: bool) -> int | None:
    """How many changes the touch was captured as; None when nothing was touched."""
    captured: int | None = None
    place = {"schema": table.schema, "table": table.name}
    with database.transaction() as connection:
        if delete:
            statement = database.statement("coverage/probe_delete", **place)
        else:
            column = connection.execute(database.statement("coverage/probe_column"), place).fetchone()
            if column is None:
                return None
            statement = database.statement("coverage/probe_update", **place, column=column[0])
        if connection.execute(statement).rowcount == 1:
            (captured,) = database.one("coverage/probe_captured", place)
        raise psycopg.Rollback
    return captured
