-- How many transactions this backend has updated, asked before and after: an action's deletion must update none.
select coalesce(sum(pg_stat_get_xact_tuples_updated(c.oid)), 0)::bigint
from pg_catalog.pg_class as c
where c.oid = format('%%I.audit_transactions', %(audit)s::text)::regclass
    or c.oid in (select relid from pg_partition_tree(format('%%I.audit_transactions', %(audit)s::text)::regclass))
