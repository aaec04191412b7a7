-- Where a table's rows lie: itself, or its partitions, with their sizes in blocks.
with recursive family (oid) as (
    select %(oid)s::oid
    union
    select i.inhrelid
    from pg_catalog.pg_inherits as i
    join family as f on f.oid = i.inhparent
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where c.relispartition
)
select
    n.nspname::text,
    c.relname::text,
    c.relkind::text,
    case
        when c.relkind = 'r' then pg_relation_size(c.oid) / current_setting('block_size')::bigint else 0
    end
from family as f
join pg_catalog.pg_class as c on c.oid = f.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind <> 'p'
order by 1, 2
