-- Everything below a snapshot's xmin has ended, prepared transactions included.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint
