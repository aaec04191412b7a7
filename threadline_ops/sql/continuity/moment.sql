-- Where a chunk stands in history. A standby's snapshot does not list the transactions that were running (the
-- server keeps them apart during recovery), so there the list is made of what the snapshot does not show.
with s as (select pg_current_snapshot() as snapshot)
select
    pg_snapshot_xmin(s.snapshot)::text::bigint,
    pg_snapshot_xmax(s.snapshot)::text::bigint,
    array(select x::text::bigint from pg_snapshot_xip(s.snapshot) as x order by 1),
    pg_is_in_recovery(),
    clock_timestamp()
from s
