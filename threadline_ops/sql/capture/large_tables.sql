-- Audit tables that are too large to keep writers waiting for as long as building an index on them takes, each
-- with the names of the indexes that it has.
select
    c.relname::text,
    array(
        select x.relname::text
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as x on x.oid = i.indexrelid
        where i.indrelid = c.oid
    )
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relname = any(%(tables)s::text[]) and c.relkind in ('r', 'p')
    and pg_catalog.pg_relation_size(c.oid) > %(bytes)s
