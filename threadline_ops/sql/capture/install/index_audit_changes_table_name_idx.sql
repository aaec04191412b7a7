-- The timeline of one table.
create index if not exists audit_changes_table_name_idx on {audit}.audit_changes (table_name)
