-- Who keeps a day from being sealed: sessions and prepared transactions whose id lies below the mark's. Ids here
-- have 32 bits; the full one is the newest that has not been passed and ends in these.
with counter as (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next),
open as (
    select pid, null::text as gid, xact_start as since, backend_xid::text::bigint as low
    from pg_catalog.pg_stat_activity
    where backend_xid is not null
    union all
    select null, gid, prepared, transaction::text::bigint
    from pg_catalog.pg_prepared_xacts
)
select open.pid, open.gid, extract(epoch from clock_timestamp() - open.since)::float8
from open, counter
where counter.next - ((counter.next - open.low) & 4294967295) < %(xmax)s
order by open.since
