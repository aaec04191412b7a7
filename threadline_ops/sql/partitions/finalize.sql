-- A detach that was cut off in the middle: until it is finished, nobody sees the partition's rows.
alter table {audit}.audit_changes detach partition {schema}.{table} finalize
