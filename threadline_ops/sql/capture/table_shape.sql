-- What decides how a table is captured: its kind, its columns in order, and its real primary key.
-- The catalog is asked by name, never through search_path.
select
    c.oid::bigint,
    c.relkind::text,
    c.relispartition,
    pg_get_userbyid(c.relowner)::text,
    (
        select coalesce(array_agg(a.attname::text order by a.attnum), '{{}}')
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ),
    (
        select coalesce(array_agg(a.attname::text order by k.place), '{{}}')
        from pg_catalog.pg_index as i
        cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
        join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary and k.place <= i.indnkeyatts
    )
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relname = %(table)s and c.relkind in ('r', 'p')
