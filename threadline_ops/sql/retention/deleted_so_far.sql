-- How many changes this backend has deleted, asked before and after: what a cascade from a transaction deletes
-- is in the difference too, whoever added the change and whether or not this role may see it. A plain table is in no
-- partition tree, not even its own.
select
    coalesce(sum(pg_stat_get_xact_tuples_deleted(each.oid)), 0)::bigint,
    to_regclass(format('%%I.holds', %(ops)s::text)) is not null
from (
    select format('%%I.audit_changes', %(audit)s::text)::regclass::oid as oid
    union
    select relid from pg_partition_tree(format('%%I.audit_changes', %(audit)s::text)::regclass)
) as each
