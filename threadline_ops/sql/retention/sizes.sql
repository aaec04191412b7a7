-- The statistics' idea of how many rows there are, to choose a way of working; never to decide what goes.
select
    (select greatest(reltuples, 0)::bigint from pg_catalog.pg_class
        where oid = format('%%I.audit_changes', %(audit)s::text)::regclass),
    (select greatest(reltuples, 0)::bigint from pg_catalog.pg_class
        where oid = format('%%I.audit_transactions', %(audit)s::text)::regclass)
