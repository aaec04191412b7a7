-- Schemas of probes that were killed; only our own role's, and only names that a probe makes.
select n.nspname::text
from pg_catalog.pg_namespace as n
join pg_catalog.pg_roles as r on r.oid = n.nspowner
where starts_with(n.nspname, %(prefix)s)
    and length(n.nspname) = length(%(prefix)s) + 12
    and r.rolname = current_user
