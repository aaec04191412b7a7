"""What recorded rows say about capture: merged transactions, unusable actors and keys, clear text.

Only the newest rows are read (`coverage.scan_rows`), and only counts leave the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import settings_by_table
from threadline_ops.coverage import evidence_sql
from threadline_ops.coverage.rules import Finding, found
from threadline_ops.database import Database, Identity
from threadline_ops.settings import Settings

#: Besides anonymous, which has no id.
ACTOR_TYPES = ("user", "admin", "service_account", "job", "system")
#: No transaction lasts longer; a change further from its transaction's start was merged into it.
LONGEST_TRANSACTION = timedelta(days=1)
#: Of so few transactions a share says nothing.
_FEWEST_TRANSACTIONS = 20


_MAX_TXID = "select max(txid), pg_current_snapshot() from {transactions}"
_MERGED = (
    "select c.id, c.captured_at, t.occurred_at from {changes} as c join {transactions} as t on t.id = c.transaction_id"
    " where c.captured_at > t.occurred_at + interval '1 day' or c.captured_at < t.occurred_at - interval '1 minute'"
)
_ACTORS = "select id, occurred_at from {transactions} where actor_ref is not null order by txid desc"
_NO_ACTOR = "select source, count(*) from {transactions} where actor_ref is null group by source"
_NULL_KEYS = (
    "select id, captured_at from {changes} where table_schema = {} and table_name = {}"
    " and not jsonb_path_exists(table_pk, '$.* ? (@ != null)')"
)
_CLEAR = "select id, captured_at from {changes} where table_schema = {} and table_name = {} and data_after ? {}"


@dataclass(frozen=True)
class Scanned:
    """Which changes the scans read.

    Attributes:
        changes: how many, the newest ones.
        since: the oldest of them was captured then; None when there are none.
        partial: there are older ones, of which nothing was proved.
    """

    changes: int
    since: datetime | None
    partial: bool

    def __str__(self) -> str:
        if not self.partial:
            return f"all {self.changes:,} changes were scanned"
        return (
            f"only the newest {self.changes:,} changes were scanned, back to {self.since:%Y-%m-%d %H:%M} UTC: raise"
            " coverage.scan_rows to read more"
        )


def scanned(database: Database, settings: Settings) -> Scanned:
    """How far the scans reach, within the transaction at hand."""
    return Scanned(*database.one("coverage/scanned", {"scan_rows": settings.coverage.scan_rows}))


def one_life(database: Database, settings: Settings) -> Iterator[Finding]:
    """Signs that transaction ids started again, within the transaction at hand."""
    schema = database.settings.audit_schema
    newest, following = database.one("coverage/txid")
    if newest is not None and newest >= following:
        what = f"the newest recorded txid {newest} is not below the next one, {following}: ids started again"
        yield found("txid_regressed", "audit_transactions", what, evidence_sql.of_rows(_MAX_TXID, schema))
    parameters = {"scan_rows": settings.coverage.scan_rows, "longest": LONGEST_TRANSACTION}
    changes, transactions = database.one("coverage/merged_transactions", parameters)
    if changes:
        what = f"{changes} changes were captured far from the start of their {transactions} transactions"
        yield found("transaction_merged", "audit_changes", what, evidence_sql.of_rows(_MERGED, schema))


def same_cluster(now: Identity, last_seen: Identity | None) -> Iterator[Finding]:
    """Whether this is the cluster that was seen before under the same database name."""
    if last_seen is None:
        return
    if now.system_identifier != last_seen.system_identifier:
        what = f"system identifier {now.system_identifier}, last seen {last_seen.system_identifier}"
        yield found("identity_changed", now.database, what, "select system_identifier from pg_control_system()")
    elif now.timeline != last_seen.timeline:
        what = f"timeline {now.timeline}, last seen {last_seen.timeline}"
        yield found("timeline_changed", now.database, what, "select timeline_id from pg_control_checkpoint()")


def readable(database: Database, settings: Settings) -> Iterator[Finding]:
    """Actors and keys that readers cannot use, within the transaction at hand."""
    yield from _actors(database, settings)
    statement = database.statement("coverage/null_keys")
    rows = database.connection.execute(statement, {"scan_rows": settings.coverage.scan_rows})
    for schema, name, count in rows.fetchall():
        what = f"{count} changes name no row: every part of table_pk is null"
        evidence = evidence_sql.of_rows(_NULL_KEYS, database.settings.audit_schema, schema, name)
        yield found("key_null", Table(schema, name), what, evidence)


def _actors(database: Database, settings: Settings) -> Iterator[Finding]:
    schema, limit = database.settings.audit_schema, settings.coverage.max_unattributed_percent
    parameters = {"scan_rows": settings.coverage.scan_rows, "types": list(ACTOR_TYPES)}
    rows = database.connection.execute(database.statement("coverage/actors"), parameters)
    for source, total, missing, malformed in rows.fetchall():
        subject = f"source {source!r}" if source else "transactions without a source"
        if malformed:
            what = f"{malformed} of {total} transactions have an actor of unknown type or form"
            yield found("actor_malformed", subject, what, evidence_sql.of_rows(_ACTORS, schema))
        if total >= _FEWEST_TRANSACTIONS and missing * 100 > limit * total:
            what = f"{missing} of {total} transactions have no actor, more than {limit} percent"
            yield found("actor_missing", subject, what, evidence_sql.of_rows(_NO_ACTOR, schema))


def clear_text(database: Database, settings: Settings) -> Iterator[Finding]:
    """Redacted columns whose values were captured all the same, within the transaction at hand."""
    redacted = [
        (table.schema, table.name, column, placeholder)
        for table, capture in settings_by_table(settings.capture, settings.database.audit_schema).items()
        for columns, placeholder in ((capture.exclude, None), (capture.mask, capture.mask_placeholder))
        for column in columns
    ]
    if not redacted:
        return
    names = ("schemas", "tables", "columns", "placeholders")
    parameters: dict[str, Any] = {
        name: list(part) for name, part in zip(names, zip(*redacted, strict=True), strict=True)
    }
    parameters["scan_rows"] = settings.coverage.scan_rows
    rows = database.connection.execute(database.statement("coverage/clear_text"), parameters)
    for schema, name, column, count in rows.fetchall():
        what = f"redacted column {column} shows in {count} changes"
        evidence = evidence_sql.of_rows(_CLEAR, database.settings.audit_schema, schema, name, column)
        yield found("clear_text", Table(schema, name), what, evidence)
