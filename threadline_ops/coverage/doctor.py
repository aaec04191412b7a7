"""Examine everything that is known to endanger the audit trail of one database."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace

from threadline_ops.coverage import audit_tables, growth, history
from threadline_ops.coverage.growth import Growth
from threadline_ops.coverage.history import Scanned
from threadline_ops.coverage.inventory import Inventory, inventory, worst_first
from threadline_ops.coverage.probe import Probed, probe, probe_tables
from threadline_ops.coverage.rules import Finding, Severity
from threadline_ops.database import Database, Identity
from threadline_ops.settings import Settings

STATEMENTS = tuple(
    f"coverage/{name}"
    for name in (
        "catalog",
        "audit_tables",
        "replication_role",
        "scanned",
        "txid",
        "merged_transactions",
        "actors",
        "null_keys",
        "clear_text",
        "slots",
        "growth",
    )
)


#: What reads recorded rows, and so needs the columns to be what they should be.
_SCANS = {
    "transaction ids": history.one_life,
    "actors and keys": history.readable,
    "redaction": history.clear_text,
}
#: What these findings say was counted in the newest rows alone.
COUNTED = frozenset({"transaction_merged", "actor_malformed", "actor_missing", "key_null", "clear_text"})


@dataclass(frozen=True)
class Examined:
    """One part of the examination is done."""

    part: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What the examination found.

    Attributes:
        findings: all of them, worst first.
        probes: how each live probe ended.
        scanned: how far back recorded changes were read; None when their columns were not what they should be.
    """

    inventory: Inventory
    findings: tuple[Finding, ...]
    growth: Growth
    probes: tuple[Probed, ...]
    scanned: Scanned | None = None

    def count(self, severity: Severity) -> int:
        """How many findings have a severity."""
        return sum(finding.severity is severity for finding in self.findings)


def examine(
    database: Database, settings: Settings, *, last_seen: Identity | None = None
) -> Generator[Examined, None, Diagnosis]:
    """Look at capture, the audit tables, what they hold, and what room is left.

    Every part is one read-only transaction, but for the probes, which are rolled back.

    Args:
        database: the audited database.
        settings: what should be so.
        last_seen: which cluster this was when it was last examined.

    Raises:
        SchemaMissing: there are no audit tables.
    """
    covered = inventory(database, settings)
    parts = [Examined("coverage", covered.all_findings)]
    yield parts[-1]
    with database.transaction(read_only=True):
        parts.append(Examined("audit tables", tuple(audit_tables.examine(database, settings))))
    yield parts[-1]
    parts.append(Examined("cluster", tuple(history.same_cluster(database.identity(), last_seen))))
    yield parts[-1]
    reach: Scanned | None = None
    if not any(finding.id == "audit_column_changed" for part in parts for finding in part.findings):
        with database.transaction(read_only=True):
            reach = history.scanned(database, settings)
        for name, scan in _SCANS.items():
            with database.transaction(read_only=True):
                parts.append(Examined(name, tuple(_qualified(scan(database, settings), reach))))
            yield parts[-1]
    now = database.now()
    with database.transaction(read_only=True):
        size = growth.growth(database, settings, now=now)
        parts.append(Examined("room", tuple(growth.room(database, settings, size))))
    yield parts[-1]
    probes: list[Probed] = []
    for table in probe_tables(settings):
        probes.append(probe(database, table, settings))
        parts.append(Examined(f"probe of {table}", tuple(probes[-1].findings())))
        yield parts[-1]
    findings = worst_first(finding for part in parts for finding in part.findings)
    return Diagnosis(covered, findings, size, tuple(probes), reach)


def _qualified(findings: Iterable[Finding], reach: Scanned) -> Iterator[Finding]:
    """Counts of a partial scan say that they are."""
    for finding in findings:
        partial = reach.partial and finding.id in COUNTED
        yield replace(finding, what=f"{finding.what}; {reach}") if partial else finding
