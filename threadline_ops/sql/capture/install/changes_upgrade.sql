-- An install that predates before-values lacks this column.
alter table {audit}.audit_changes add column if not exists changed_from jsonb
