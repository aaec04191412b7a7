"""Which changes a run may delete, as conditions that stand inside the deleting statements themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import sql

from threadline_ops import sql as sql_files
from threadline_ops.database import Database
from threadline_ops.retention.policy import Policy

_ALWAYS = sql.SQL("true")


@dataclass(frozen=True)
class Scope:
    """The conditions of one run.

    Attributes:
        cutoff: of every table without a window of its own.
        until: the newest of all cutoffs; nothing beyond it is looked at.
        windows: the cutoffs of tables with their own windows, by (schema, table).
        keep_current: whether the newest change of every living row stays.
        operations_schema: where holds are.
        semantics: whether transactions have actors and actions, which an old install lacks.
    """

    cutoff: datetime
    windows: dict[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], datetime])
    keep_current: bool = False
    operations_schema: str = "threadline_ops"
    semantics: bool = True

    @property
    def until(self) -> datetime:
        """The newest moment before which anything may be expired."""
        return max([self.cutoff, *self.windows.values()])

    @property
    def parameters(self) -> dict[str, Any]:
        """The values that the conditions refer to."""
        windows = [
            {"table_schema": schema, "table_name": name, "cutoff": cutoff.isoformat()}
            for (schema, name), cutoff in self.windows.items()
        ]
        return {"cutoff": self.cutoff, "until": self.until, "windows": json.dumps(windows)}

    def slots(self, database: Database, *, holds: bool) -> dict[str, sql.Composable]:
        """What stands for `{expired}`, `{eligible}` and `{action_eligible}` in the statements.

        Args:
            database: names the audit schema.
            holds: whether the table of holds exists.
        """
        audit = sql_files.beside_parameters(database.settings.audit_schema)
        conditions: list[sql.Composable] = []
        operations = sql_files.beside_parameters(self.operations_schema)
        action = sql_files.template("retention/where/action_not_held").format(operations=operations)
        if self.windows:
            conditions.append(sql_files.template("retention/where/expired_by_table"))
        if self.keep_current:
            conditions.append(sql_files.template("retention/where/not_current").format(audit=audit))
        if holds:
            transaction = (
                sql_files.template("retention/where/transaction_held").format(audit=audit)
                if self.semantics
                else _ALWAYS
            )
            held = sql_files.template("retention/where/not_held")
            conditions.append(held.format(operations=operations, transaction_held=transaction))
        rule = "expired_by_table" if self.windows else "expired"
        return {
            "audit": audit,
            "expired": sql_files.template(f"retention/where/{rule}"),
            # In brackets, because some statements ask for the opposite.
            "eligible": sql.SQL("({})").format(sql.SQL(" and ").join(conditions)) if conditions else _ALWAYS,
            "action_eligible": action if holds else _ALWAYS,
        }

    def statement(self, database: Database, name: str, *, holds: bool) -> sql.Composed:
        """A statement with this scope's conditions."""
        return sql_files.template(name).format(**self.slots(database, holds=holds))

    def keeps_some(self, *, holds: bool) -> bool:
        """Whether an expired change can be one that stays."""
        return holds or self.keep_current


def scope_of(database: Database, policy: Policy, now: datetime, requested: datetime | None = None) -> Scope:
    """The scope of a run that starts now.

    Raises:
        PolicyError: the requested cutoff is not acceptable.
    """
    cutoff = policy.cutoff(now, requested)
    windows = {
        table: min(now - window, requested) if requested else now - window for table, window in policy.tables.items()
    }
    with database.transaction(read_only=True):
        semantics = database.one("retention/semantics", {"schema": database.settings.audit_schema})[0]
    return Scope(cutoff, windows, policy.keep_current, database.settings.operations_schema, semantics)
