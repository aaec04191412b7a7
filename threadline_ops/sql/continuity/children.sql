-- Inheritance children (not partitions) are tables of their own: their rows show up in the parent, but the
-- parent's trigger does not see them.
select n.nspname::text, c.relname::text, c.oid::bigint
from pg_catalog.pg_inherits as i
join pg_catalog.pg_class as c on c.oid = i.inhrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where i.inhparent = %(oid)s::oid and not c.relispartition
order by 1, 2
