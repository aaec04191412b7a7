-- The tables that hold the rows of partitions, for telling their rows from others.
select coalesce(array_agg(t.relid::bigint), '{{}}')
from unnest(%(partitions)s::bigint[]) as p (partition), pg_partition_tree(p.partition::oid::regclass) as t
where t.isleaf
