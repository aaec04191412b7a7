"""Whether the audit tables themselves can keep what capture gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from threadline_ops.capture.names import AUDIT_TABLES, Table
from threadline_ops.coverage import evidence_sql
from threadline_ops.coverage.indexes import compare_indexes
from threadline_ops.coverage.rules import Finding, found
from threadline_ops.database import Database
from threadline_ops.settings import Settings

_TIME = "timestamp with time zone"
_COLUMNS: dict[str, dict[str, str]] = {
    "audit_transactions": {
        "id": "uuid not null",
        "txid": "bigint not null",
        "occurred_at": f"{_TIME} not null",
        "source": "text",
        "meta": "jsonb",
        "actor_ref": "jsonb",
        "action_id": "uuid",
    },
    "audit_changes": {
        "id": "uuid not null",
        "transaction_id": "uuid not null",
        "table_schema": "text not null",
        "table_name": "text not null",
        "table_pk": "jsonb not null",
        "op": "text not null",
        "data_after": "jsonb",
        "changed_fields": "text[]",
        "changed_from": "jsonb",
        "captured_at": f"{_TIME} not null",
    },
    "audit_actions": {
        "id": "uuid not null",
        "name": "text not null",
        "actor_ref": "jsonb not null",
        "status": "text not null",
    },
}
#: Added by later migrations of Threadline; an older install works without them.
_LATER = {("audit_transactions", "actor_ref"), ("audit_transactions", "action_id"), ("audit_changes", "changed_from")}
_CASCADE = re.compile(r"FOREIGN KEY \(transaction_id\) REFERENCES .*audit_transactions\(id\) ON DELETE CASCADE")

Described = dict[str, Any]


def examine(database: Database, settings: Settings) -> list[Finding]:
    """Everything that is wrong with the audit tables, within the transaction at hand."""
    schema = database.settings.audit_schema
    (text,) = database.one(
        "coverage/audit_tables", {"audit_schema": schema, "trusted": list(settings.coverage.trusted_roles)}
    )
    tables = {cast("str", item["name"]): cast("Described", item) for item in json.loads(text)}
    findings = [*_outdated(schema, tables), *_writers(schema, tables)]
    for name, described in tables.items():
        table = Table(schema, name)
        findings += [
            *_columns(table, described),
            *_constraints(table, described),
            *_hazards(table, described),
            *compare_indexes(table, described["indexes"], described["columns"]),
        ]
    findings += _replication_role(database)
    return findings


def _outdated(schema: str, tables: dict[str, Described]) -> Iterator[Finding]:
    lacking = [name for name in AUDIT_TABLES if name not in tables]
    lacking += [
        f"{table}.{column}"
        for table, column in sorted(_LATER)
        if table in tables and column not in tables[table]["columns"]
    ]
    if lacking:
        what = f"lacks {', '.join(lacking)}, which later versions of Threadline have"
        yield found("audit_schema_outdated", schema, what, evidence_sql.columns(Table(schema, "audit_transactions")))


def _writers(schema: str, tables: dict[str, Described]) -> Iterator[Finding]:
    roles = sorted({role for described in tables.values() for role in described["writers"]})
    public = {name for name, described in tables.items() if "PUBLIC" in described["writers"]}
    for role in roles:
        names = [name for name, described in tables.items() if role in described["writers"]]
        if role != "PUBLIC" and public.issuperset(names):
            continue  # as everybody: said once
        what = f"may write {', '.join(names)}, and so forge or delete audit rows"
        yield found("audit_writable", role, what, evidence_sql.grants(Table(schema, names[0])))


def _columns(table: Table, described: Described) -> Iterator[Finding]:
    there = cast("dict[str, str]", described["columns"])
    for name, wanted in _COLUMNS[table.name].items():
        if (table.name, name) in _LATER and name not in there:
            continue
        # A migration tool's "string" is as good as text.
        actual = re.sub(r"character varying(\(\d+\))?", "text", there.get(name, "missing"))
        if actual != wanted:
            what = f"column {name} is {there.get(name, 'missing')} and should be {wanted}"
            yield found("audit_column_changed", table, what, evidence_sql.columns(table))


def _constraints(table: Table, described: Described) -> Iterator[Finding]:
    constraints = cast("list[Described]", described["constraints"])
    lacking: list[str] = []
    if not _is_unique(described, "id"):
        lacking.append("a primary key on id")
    if table.name == "audit_transactions" and not _is_unique(described, "txid"):
        lacking.append("a unique index on txid, without which captured writes fail")
    if table.name == "audit_changes":
        if not any(c["valid"] and _CASCADE.match(c["definition"]) for c in constraints):
            lacking.append("the foreign key on transaction_id with ON DELETE CASCADE")
        if not any(c["type"] == "c" and _allows_the_three(c["definition"]) for c in constraints):
            lacking.append("the check that op is insert, update or delete")
    for constraint in lacking:
        yield found("audit_constraint_missing", table, f"lacks {constraint}", evidence_sql.constraints(table))
    if described["disabled"]:
        what = f"the triggers of {', '.join(sorted(set(described['disabled'])))} are disabled"
        yield found("audit_constraint_disabled", table, what, evidence_sql.constraints(table))


def _is_unique(described: Described, column: str) -> bool:
    return any(
        index["unique"] and index["columns"] == [column] and not index["partial"] for index in described["indexes"]
    )


def _allows_the_three(definition: str) -> bool:
    return re.findall(r"'(\w+)'", definition) == ["insert", "update", "delete"] and "op" in definition


def _hazards(table: Table, described: Described) -> Iterator[Finding]:
    evidence = evidence_sql.relation(table)
    if described["row_security"]:
        what = "row-level security is on: readers and purges see a part of the rows and take it for all"
        yield found("audit_row_security", table, what, evidence)
    if described["persistence"] == "u":
        yield found("audit_unlogged", table, "is UNLOGGED: a crash empties it", evidence)
    if described["triggers"]:
        yield found("audit_trigger", table, f"has triggers: {', '.join(described['triggers'])}", evidence)
    if described["rules"]:
        yield found("audit_rule", table, f"has rules: {', '.join(described['rules'])}", evidence)
    if described["publications"]:
        what = f"its deletes are published by {', '.join(described['publications'])}"
        yield found("audit_deletes_published", table, what, evidence)
    if any(re.fullmatch(r"autovacuum_enabled=(false|off|0|no)", option) for option in described["options"]):
        yield found("audit_autovacuum_off", table, "autovacuum is off, so purged rows never make room", evidence)


def _replication_role(database: Database) -> Iterator[Finding]:
    (places,) = database.one("coverage/replication_role")
    for place in cast("list[str]", places):
        what = "sets session_replication_role, in which ordinary triggers do not fire"
        evidence = "select setdatabase, setrole::regrole, setconfig from pg_db_role_setting"
        yield found("replication_role", place, what, evidence)
