-- Capture's triggers as they are, found by name on any table; a copy on a partition counts as a part of its
-- parent's, so a parent's trigger fires only if no copy is switched off.
select
    n.nspname::text,
    c.relname::text,
    t.tgname::text,
    pn.nspname::text,
    p.proname::text,
    t.tgargs,
    t.tgtype::int,
    t.tgenabled in ('O', 'A') and not exists (
        select from pg_catalog.pg_partition_tree(c.oid) as tree
        join pg_catalog.pg_trigger as copy on copy.tgrelid = tree.relid and copy.tgparentid <> 0
        where c.relkind = 'p' and copy.tgname = t.tgname and copy.tgenabled not in ('O', 'A')
    ),
    (
        select coalesce(array_agg(a.attname::text order by a.attnum), '{{}}')
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum = any (t.tgattr::smallint[])
    ),
    pg_catalog.pg_get_expr(t.tgqual, c.oid)
from pg_catalog.pg_trigger as t
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
join pg_catalog.pg_namespace as pn on pn.oid = p.pronamespace
where not t.tgisinternal and t.tgparentid = 0
    and (t.tgname like 'threadline\_audit\_%%' or t.tgname like 'threadline\_truncate\_%%')
order by 1, 2, 3
