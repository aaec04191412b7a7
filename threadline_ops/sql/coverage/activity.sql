-- What happened to each table lately. The last day only: without an index on (table_name, captured_at), the last
-- change of a quiet table would cost a walk through everything.
select
    w.table_schema, w.table_name,
    (
        select c.reltuples::bigint
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = w.table_schema and c.relname = w.table_name
    ),
    coalesce(d.last_hour, 0), coalesce(d.last_day, 0), d.newest
from unnest(%(schemas)s::text[], %(tables)s::text[]) as w (table_schema, table_name)
left join (
    select
        a.table_schema, a.table_name, count(*) as last_day, max(a.captured_at) as newest,
        count(*) filter (where a.captured_at > %(now)s::timestamptz - interval '1 hour') as last_hour
    from {audit}.audit_changes as a
    where a.captured_at > %(now)s::timestamptz - interval '1 day'
    group by a.table_schema, a.table_name
) as d on d.table_schema = w.table_schema and d.table_name = w.table_name
order by 1, 2
