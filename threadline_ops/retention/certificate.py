"""The certificate of a purge: what is gone, in terms that can be checked after it is gone.

It stands in the run's evidence record, so the chain of records covers it: a certificate that was edited, removed or cut
off breaks the chain.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import rfc8785

from threadline_ops.database import Identity
from threadline_ops.plain import plain
from threadline_ops.retention.policy import Policy
from threadline_ops.retention.tally import TableTally, Tally

VERSION = 3

#: How a fingerprint is computed again from ids, in any PostgreSQL: what two readers must agree on.
RECIPE = "sum(uuid_hash_extended(id, 0)) and sum(uuid_hash_extended(id, 1)), each modulo 2^64, as hexadecimal"


def certificate(
    run_id: str,
    policy: Policy,
    cutoff: datetime,
    tally: Tally,
    holds: list[dict[str, Any]] | None,
    *,
    settled: bool,
    identity: Identity | None = None,
    archives: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What a purge deleted and under which rules, with a digest of all that.

    Args:
        run_id: of the run.
        policy: the rules.
        cutoff: of the run.
        tally: what was committed.
        holds: those in force at the end; None when the server could not be asked.
        settled: whether the server confirmed that all of it is on disk; if not, a crash may have undone the last steps.
        identity: of the database.
        archives: digests of the archive manifests that the run relied on.
    """
    body: dict[str, Any] = plain(
        {
            "version": VERSION,
            "run_id": run_id,
            "database": identity
            and {
                "system_identifier": identity.system_identifier,
                "timeline": identity.timeline,
                "name": identity.database,
            },
            "cutoff": cutoff,
            "window_seconds": policy.window.total_seconds(),
            "table_windows": {".".join(t): w.total_seconds() for t, w in sorted(policy.tables.items())},
            "keep_current": policy.keep_current,
            "settled": settled,
            "deleted_changes": tally.changes,
            "deleted_transactions": tally.transactions,
            "tables": {".".join(name): _table(table) for name, table in sorted(tally.tables.items())},
            "fingerprint_recipe": RECIPE,
            "partitions_dropped": tally.partitions,
            "deleted_actions": tally.actions,
            "holds_honoured": holds,
            "archive_manifests": archives,
        }
    )
    return body | {"sha256": hashlib.sha256(rfc8785.dumps(body)).hexdigest()}


def verifies(document: dict[str, Any]) -> bool:
    """Whether a certificate's own digest holds; its place in the chain is the evidence store's to verify."""
    body = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(rfc8785.dumps(body)).hexdigest() == document.get("sha256")


def _table(table: TableTally) -> dict[str, Any]:
    low, high = table.fingerprint
    return {
        "changes": table.changes,
        "oldest_captured_at": table.oldest,
        "newest_captured_at": table.newest,
        "fingerprint": f"{low:016x}{high:016x}",
    }
