-- What earlier runs left, and how far they came: still attached, detach begun, detached, or gone. A table counts as
-- the one that was noted only by its number and its name together.
select
    d.partition, d.table_schema, d.table_name, d.lower_bound, d.upper_bound,
    case
        when c.oid is null then 'gone'
        when i.inhrelid is null then 'detached'
        when i.inhdetachpending then 'pending'
        else 'attached'
    end
from {operations}.partition_drops as d
left join (pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace)
    on c.oid::bigint = d.partition and c.relname = d.table_name and n.nspname = d.table_schema
left join pg_catalog.pg_inherits as i
    on i.inhrelid = c.oid and i.inhparent = format('%%I.audit_changes', %(audit)s::text)::regclass
order by d.begun_at
