-- What the audit tables take now, how many rows the planner knows of, and what the last day added.
select
    (
        select coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = %(audit_schema)s
            and c.relname in ('audit_transactions', 'audit_changes', 'audit_actions')
    ),
    (
        select c.reltuples::bigint
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = %(audit_schema)s and c.relname = 'audit_changes'
    ),
    (select count(*) from {audit}.audit_changes as d where d.captured_at > %(now)s::timestamptz - interval '1 day')
