"""The baseline indexes of the audit tables: there, valid, and not there twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from psycopg import sql

from threadline_ops.capture.names import Table
from threadline_ops.coverage import evidence_sql
from threadline_ops.coverage.rules import Finding, found

#: Name -> table, access method, column. Any index that serves as well will do, whatever its name.
BASELINE: dict[str, tuple[str, str, str]] = {
    "audit_transactions_txid_idx": ("audit_transactions", "btree", "txid"),
    "audit_transactions_actor_ref_gin": ("audit_transactions", "gin", "actor_ref"),
    "audit_changes_transaction_id_idx": ("audit_changes", "btree", "transaction_id"),
    "audit_changes_table_name_idx": ("audit_changes", "btree", "table_name"),
    "audit_changes_captured_at_idx": ("audit_changes", "btree", "captured_at"),
    "audit_actions_actor_ref_idx": ("audit_actions", "gin", "actor_ref"),
    "audit_actions_inserted_at_idx": ("audit_actions", "btree", "inserted_at"),
    "audit_actions_name_idx": ("audit_actions", "btree", "name"),
}

Index = dict[str, Any]


def compare_indexes(table: Table, indexes: list[Index], columns: Collection[str]) -> Iterator[Finding]:
    """What is wrong with one audit table's indexes.

    Args:
        table: an audit table.
        indexes: as `coverage/audit_tables.sql` describes them.
        columns: that the table has; an older install lacks some.
    """
    evidence = evidence_sql.indexes(table)
    for index in indexes:
        if not index["valid"]:
            what = f"index {index['name']} is invalid: writes pay for it and no reader uses it"
            fix = f"DROP INDEX CONCURRENTLY {_quoted(table.schema, index['name'])}; then create it again CONCURRENTLY"
            yield found("index_invalid", table, what, evidence, fix=fix)
    for name, (owner, method, column) in BASELINE.items():
        if (
            owner == table.name
            and column in columns
            and not any(_serves(index, name, method, column) for index in indexes)
        ):
            create = f"CREATE INDEX CONCURRENTLY {_quoted(name)} ON {_quoted(table.schema, owner)} USING {method}"
            fix = f"{create} ({_quoted(column)})"
            yield found("index_missing", table, f"lacks an index on {column} ({method})", evidence, fix=fix)
    yield from _redundant(table, indexes, evidence)


def _serves(index: Index, name: str, method: str, column: str) -> bool:
    # One of the right name that is invalid has its own finding.
    fits = index["method"] == method and index["columns"][0] == column and not index["partial"]
    return fits and (index["valid"] or index["name"] == name)


def _redundant(table: Table, indexes: list[Index], evidence: str) -> Iterator[Finding]:
    seen: dict[str, Index] = {}
    # Constraints and the baseline stay; the baseline's own repetition of txid is part of the contract.
    for index in sorted(indexes, key=lambda i: (not i["constraint"], i["name"] not in BASELINE, i["name"])):
        kind = ("method", "columns", "classes", "options", "included", "partial")
        first = seen.setdefault(str([index[key] for key in kind]), index)
        if first is index or index["name"] in BASELINE or index["partial"] or index["included"]:
            continue
        what = f"index {index['name']} repeats {first['name']}"
        fix = f"DROP INDEX CONCURRENTLY {_quoted(table.schema, index['name'])}"
        yield found("index_redundant", table, what, evidence, fix=fix)


def _quoted(*parts: str) -> str:
    return sql.Identifier(*parts).as_string(None)
