-- What the server says about the load that reading a table adds to: replay behind the primary, sessions that wait for
-- a lock on the table or a partition of it, and the WAL so far. A standby knows of its own followers alone.
with recursive family (oid) as (
    select %(oid)s::oid
    union
    select i.inhrelid from pg_catalog.pg_inherits as i join family as f on f.oid = i.inhparent
), here as (
    select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end as lsn
)
select
    (
        select coalesce(max(pg_wal_lsn_diff(h.lsn, coalesce(r.replay_lsn, r.flush_lsn))), 0)::bigint
        from pg_catalog.pg_stat_replication as r
    ),
    (select count(*) from pg_catalog.pg_locks as l where not l.granted and l.relation in (select f.oid from family as f)),
    pg_wal_lsn_diff(h.lsn, '0/0')::bigint
from here as h
