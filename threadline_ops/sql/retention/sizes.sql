-- The statistics' idea of how many rows there are, to choose a way of working; never to decide what goes. Only the
-- tables that hold rows are analysed by themselves, so a partitioned one is the sum of its leaves.
select
    (
        select coalesce(sum(greatest(reltuples, 0)), 0)::bigint
        from pg_catalog.pg_class
        where relkind = 'r'
            and (
                oid = format('%%I.audit_changes', %(audit)s::text)::regclass
                or oid in (select relid from pg_partition_tree(format('%%I.audit_changes', %(audit)s::text)::regclass))
            )
    ),
    (
        select coalesce(sum(greatest(reltuples, 0)), 0)::bigint
        from pg_catalog.pg_class
        where relkind = 'r'
            and (
                oid = format('%%I.audit_transactions', %(audit)s::text)::regclass
                or oid in (
                    select relid from pg_partition_tree(format('%%I.audit_transactions', %(audit)s::text)::regclass)
                )
            )
    )
