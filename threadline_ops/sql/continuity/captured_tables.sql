-- Tables with a capture trigger of their own; a partition's is a copy of its parent's and counts there.
select n.nspname::text, c.relname::text
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p')
    and not c.relispartition
    and exists (
        select
        from pg_catalog.pg_trigger as t
        join pg_catalog.pg_proc as p on p.oid = t.tgfoid
        where t.tgrelid = c.oid
            and not t.tgisinternal
            and (p.proname = 'threadline_capture_changes' or p.proname like 'threadline\_capture\_changes\_%%')
    )
order by 1, 2
