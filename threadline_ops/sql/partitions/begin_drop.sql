-- Committed before the partition is detached. An entry of the same number is of a table that is gone: numbers come back.
insert into {operations}.partition_drops (partition, table_schema, table_name, lower_bound, upper_bound)
values (%(oid)s, %(schema)s, %(name)s, %(lower)s, %(upper)s)
on conflict (partition) do update
set table_schema = excluded.table_schema, table_name = excluded.table_name, lower_bound = excluded.lower_bound,
    upper_bound = excluded.upper_bound, begun_by = session_user, begun_at = clock_timestamp()
