-- The names under which a table's changes may stand: its own, and for a partitioned table those of its
-- partitions, because a trigger function without arguments records the leaf's name.
with recursive family (oid) as (
    select %(oid)s::oid
    union
    select i.inhrelid
    from pg_catalog.pg_inherits as i
    join family as f on f.oid = i.inhparent
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where c.relispartition
)
select n.nspname::text, c.relname::text
from family as f
join pg_catalog.pg_class as c on c.oid = f.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by 1, 2
