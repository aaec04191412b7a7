"""A partitioned audit_changes."""

from __future__ import annotations

from datetime import date

import psycopg


def partition_monthly(connection: psycopg.Connection, first: date, months: int, *, default: bool = False) -> None:
    """Replace an empty audit_changes by one of monthly partitions, as a host might have made it."""
    connection.execute(
        "drop table audit_changes; create table audit_changes ("
        " id uuid not null default gen_random_uuid(),"
        " transaction_id uuid not null references audit_transactions (id) on delete cascade,"
        " table_schema text not null, table_name text not null, table_pk jsonb not null, op text not null,"
        " data_after jsonb, changed_fields text[], changed_from jsonb,"
        " captured_at timestamptz not null default now(), primary key (id, captured_at))"
        " partition by range (captured_at);"
        "create index on audit_changes (captured_at); create index on audit_changes (transaction_id)"
    )
    for _ in range(months):
        following = (first.replace(day=28) + (date(2000, 1, 5) - date(2000, 1, 1))).replace(day=1)
        connection.execute(
            psycopg.sql.SQL("create table {} partition of audit_changes for values from ({}) to ({})").format(
                psycopg.sql.Identifier(f"changes_{first:%Y_%m}"),
                psycopg.sql.Literal(f"{first} 00:00:00+00"),
                psycopg.sql.Literal(f"{following} 00:00:00+00"),
            )
        )
        first = following
    if default:
        connection.execute("create table changes_rest partition of audit_changes default")
