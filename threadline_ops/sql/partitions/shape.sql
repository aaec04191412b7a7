-- How audit_changes is partitioned, if it is: by range of captured_at alone or otherwise, whether a default partition
-- forbids detaching concurrently, and whether this role may detach at all, which only the owner may.
select
    c.relkind = 'p',
    coalesce(
        p.partstrat = 'r' and p.partnatts = 1
        and p.partattrs[0] = (
            select attnum from pg_catalog.pg_attribute where attrelid = c.oid and attname = 'captured_at'
        ),
        false
    ),
    coalesce(p.partdefid, 0) <> 0,
    pg_has_role(c.relowner, 'USAGE')
from pg_catalog.pg_class as c
left join pg_catalog.pg_partitioned_table as p on p.partrelid = c.oid
where c.oid = format('%%I.audit_changes', %(audit)s::text)::regclass
