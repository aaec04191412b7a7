-- to_regclass would look for the name through search_path; the catalog does not.
select array_agg(wanted.name order by wanted.name)
from (values ('audit_transactions'), ('audit_changes')) as wanted (name)
where not exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relname = wanted.name and c.relkind in ('r', 'p')
)
