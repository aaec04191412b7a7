-- Replacing a disabled trigger leaves it disabled.
alter table {schema}.{table} enable trigger {trigger}
