-- Heap blocks of audit_transactions; of a partitioned one, those of its largest partition, because a range of
-- blocks is asked of all partitions at once.
select coalesce(max(pg_relation_size(c.oid) / current_setting('block_size')::bigint), 0)::bigint
from pg_catalog.pg_class as c
where c.oid = format('%%I.audit_transactions', %(audit)s::text)::regclass
    or c.oid in (select relid from pg_partition_tree(format('%%I.audit_transactions', %(audit)s::text)::regclass))
