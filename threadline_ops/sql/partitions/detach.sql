-- Waits for the transactions that may still use the partition, without making any other wait. Not allowed within a
-- transaction, nor beside a default partition.
alter table {audit}.audit_changes detach partition {schema}.{table} concurrently
