-- Partitions whose upper bound is not beyond a time, oldest first. Bounds travel as text in UTC, because a bound can be
-- a time that Python cannot hold.
select p.oid, p.schema, p.name, p.lower, p.upper
from (
    select
        c.oid::bigint as oid, n.nspname::text as schema, c.relname::text as name,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''([^'']+)''\)') as lower,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)') as upper
    from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where i.inhparent = format('%%I.audit_changes', %(audit)s::text)::regclass
        and not i.inhdetachpending
        and c.relkind in ('r', 'p')
) as p
where p.upper is not null and p.upper::timestamptz <= %(until)s::timestamptz
order by p.upper::timestamptz
