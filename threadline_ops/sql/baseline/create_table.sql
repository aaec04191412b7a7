-- Rows as they stood when a baseline read them: the suite's own table, outside audit_changes, for queries in SQL.
create table if not exists {operations}.baseline_rows (
    table_schema text not null,
    table_name text not null,
    version integer not null,
    chunk integer not null,
    read_at timestamptz not null,
    row_data jsonb not null
)
