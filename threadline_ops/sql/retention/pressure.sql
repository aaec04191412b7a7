-- What the server says about the load that a purge adds to. A role without pg_monitor sees no replication lag.
with audit as (
    select c.oid
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = %(audit)s and c.relname in ('audit_transactions', 'audit_changes')
)
select
    (
        select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, flush_lsn))), 0)::bigint
        from pg_catalog.pg_stat_replication
    ),
    (select count(*) from pg_catalog.pg_locks as l where not l.granted and l.relation in (select oid from audit)),
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint,
    (select coalesce(max(pg_stat_get_dead_tuples(oid)), 0)::bigint from audit)
