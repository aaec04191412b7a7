-- Whose tables these are: only an owner may put a trigger on one.
select
    coalesce(bool_and(pg_has_role(c.relowner, 'usage')), false) and count(*) = cardinality(%(tables)s::text[])
    and has_database_privilege(current_database(), 'create')
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname || '.' || c.relname = any(%(tables)s::text[]) and c.relkind in ('r', 'p')
