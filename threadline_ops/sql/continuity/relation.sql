-- A table as continuity needs it: kind, key, and columns in order with how they are typed. format_type()
-- writes a type with its schema unless search_path finds it, so that is cut to pg_catalog beforehand.
select
    c.oid::bigint,
    c.relkind::text,
    c.relispartition,
    greatest(c.reltuples, 0)::bigint,
    (
        select coalesce(array_agg(a.attname::text order by k.place), '{{}}')
        from pg_catalog.pg_index as i
        cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary and k.place <= i.indnkeyatts
    ),
    (
        select coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'name', a.attname,
                    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                    'schema', n.nspname,
                    'base', case when n.nspname = 'pg_catalog' then t.typname else '' end,
                    'kind', t.typtype,
                    'generated', a.attgenerated
                )
                order by a.attnum
            ),
            '[]'
        )
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid = a.atttypid
        join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    )
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as s on s.oid = c.relnamespace
where s.nspname = %(schema)s and c.relname = %(table)s and c.relkind in ('r', 'p')
