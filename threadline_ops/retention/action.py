"""The purge says in the audit trail itself what it did."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError
from threadline_ops.retention.events import PurgeResult

NAME = "retention.purged"


def record_action(database: Database, run_id: str, result: PurgeResult) -> str | None:
    """Add an AuditAction for an executed run; its id, or None where the schema or the role has no way to.

    The actor is a job, as every write of a job is; the correlation id is the run's.
    """
    schema = {"schema": database.settings.audit_schema}
    try:
        with database.transaction() as connection:
            if not database.one("retention/may_record_action", schema)[0]:
                return None
            row = connection.execute(
                database.statement("retention/record_action"),
                {
                    "name": NAME,
                    "actor": Jsonb({"type": "job", "id": "threadline_ops/retention_purge"}),
                    "run_id": run_id,
                    "reason": f"{result.deleted_changes} changes captured before {result.cutoff.isoformat()}",
                },
            ).fetchone()
    except DatabaseError:
        return None  # what is gone is gone, and the evidence record says so
    return None if row is None else str(row[0])
