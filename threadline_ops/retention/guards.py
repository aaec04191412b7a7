"""What is checked before the first batch: the role, and everything about a database that makes purging dangerous."""

from __future__ import annotations

from dataclasses import dataclass

from threadline_ops.database import Database
from threadline_ops.errors import DatabaseError, UnsafeDatabase

#: What each finding means, and the way out.
_FINDINGS: dict[str, tuple[str, str]] = {
    "row_security": (
        "row-level security hides rows of the audit tables from this role",
        "use a role with BYPASSRLS or the tables' owner",
    ),
    "unlogged": ("an audit table is UNLOGGED and empty after a crash", "alter table ... set logged"),
    "publication": (
        "a publication replicates deletes, so subscribers would lose the history too",
        "alter publication ... set (publish = 'insert, update'), or name it in retention.allowed_publications",
    ),
    "foreign_key": (
        "another table refers to the audit tables, and would be cascaded into or block the purge",
        "drop that foreign key",
    ),
    "trigger": ("a trigger fires when audit rows are deleted", "drop or disable it"),
    "index": (
        "an index that the purge walks by is missing or not valid",
        "run threadline-ops install, or create index concurrently on that column",
    ),
    "track_counts": (
        "track_counts is off: autovacuum does not work, and a cascade could not be noticed",
        "set track_counts = on",
    ),
    "txid_regress": (
        "stored transaction ids lie ahead of the server's, as after a dump and restore: capture would append to "
        "old transactions",
        "let those rows give up their ids: update audit_transactions set txid = -txid where txid lies ahead",
    ),
}


@dataclass(frozen=True)
class Finding:
    """Something about the database that forbids a purge."""

    name: str
    detail: str

    @property
    def what(self) -> str:
        """What is wrong, for people."""
        return f"{_FINDINGS[self.name][0]}: {self.detail}"

    @property
    def fix(self) -> str:
        """What to do about it."""
        return _FINDINGS[self.name][1]


def check_role(database: Database, *, delete_actions: bool = False) -> None:
    """Make sure, before the first batch, that this connection may purge at all.

    Raises:
        UnsafeDatabase: a standby.
        DatabaseError: a privilege is missing; the message lists which.
    """
    database.require_writable()
    with database.transaction(read_only=True):
        missing = database.one(
            "retention/privileges", {"schema": database.settings.audit_schema, "delete_actions": delete_actions}
        )[0]
    if missing:
        raise DatabaseError(
            f"this role may not purge: it lacks {', '.join(missing)}",
            fix="grant these to the role, or purge as the owner of the audit tables",
        )


def findings(
    database: Database,
    *,
    allowed_publications: tuple[str, ...] = (),
    keep_current: bool = False,
    delete_actions: bool = False,
) -> tuple[Finding, ...]:
    """What makes this database unsafe to purge; empty when nothing does.

    Args:
        database: the audited one.
        allowed_publications: those that may replicate deletes.
        keep_current: whether the run looks up rows by their key.
        delete_actions: whether the run deletes actions, which the server looks up among the transactions.
    """
    parameters = {
        "schema": database.settings.audit_schema,
        "allowed_publications": list(allowed_publications),
        "keep_current": keep_current,
        "delete_actions": delete_actions,
    }
    with database.transaction(read_only=True) as connection:
        rows = connection.execute(database.statement("retention/unsafe"), parameters).fetchall()
        found = [Finding(*row) for row in rows]
        if not any(finding.name == "row_security" for finding in found):
            ahead = connection.execute(database.statement("retention/txid_regress")).fetchone()
            found += [Finding("txid_regress", f"up to {ahead[0]}")] if ahead else []
    return tuple(found)


def require_safe(found: tuple[Finding, ...]) -> None:
    """Refuse to go on with any finding.

    Raises:
        UnsafeDatabase: naming them all, and the way out of the first.
    """
    if found:
        raise UnsafeDatabase("; ".join(finding.what for finding in found), fix=found[0].fix)
