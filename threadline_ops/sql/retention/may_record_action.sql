-- An old install has no actions, and a purging role need not be allowed to write any.
select coalesce(bool_or(has_table_privilege(c.oid, 'INSERT')), false)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relname = 'audit_actions' and c.relkind in ('r', 'p')
