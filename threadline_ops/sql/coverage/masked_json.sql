-- Captured values of masked json columns: how many there are, and how many are anything but the placeholder as a
-- whole. Counts only; a value is looked at on the server and never leaves it.
select count(*), count(*) filter (where v.value is distinct from to_jsonb(r.placeholder))
from (select null::jsonb as changed_from) as absent
cross join lateral (
    -- An old install has no changed_from: the bare name then means the null beside the table.
    select n.table_schema, n.table_name, n.data_after, changed_from
    from {audit}.audit_changes as n
    order by n.captured_at desc
    limit %(scan_rows)s
) as c
join unnest(
    %(schemas)s::text[], %(tables)s::text[], %(columns)s::text[], %(placeholders)s::text[]
) as r (table_schema, table_name, column_name, placeholder)
    on r.table_schema = c.table_schema and r.table_name = c.table_name
join pg_catalog.pg_namespace as s on s.nspname = r.table_schema
join pg_catalog.pg_class as t on t.relnamespace = s.oid and t.relname = r.table_name
join pg_catalog.pg_attribute as f
    on f.attrelid = t.oid and f.attname = r.column_name
    and f.atttypid in ('pg_catalog.json'::regtype, 'pg_catalog.jsonb'::regtype)
cross join lateral (
    values (c.data_after -> r.column_name), (c.changed_from -> r.column_name)
) as v (value)
where v.value is not null
