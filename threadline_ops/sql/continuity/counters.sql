-- What the statistics say was written to a table and its partitions, aborted writes included, and how often
-- transactions were rolled back meanwhile. A reset, or a crash, sets them to zero.
with recursive family (oid) as (
    select %(oid)s::oid
    union
    select i.inhrelid
    from pg_catalog.pg_inherits as i
    join family as f on f.oid = i.inhparent
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where c.relispartition
)
select
    clock_timestamp(),
    coalesce(sum(s.n_tup_ins), 0)::bigint,
    coalesce(sum(s.n_tup_upd), 0)::bigint,
    coalesce(sum(s.n_tup_del), 0)::bigint,
    (select d.xact_rollback from pg_catalog.pg_stat_database as d where d.datname = current_database()),
    (select d.stats_reset from pg_catalog.pg_stat_database as d where d.datname = current_database())
from family as f
join pg_catalog.pg_stat_all_tables as s on s.relid = f.oid
