-- The reading transaction's own view: everything below its xmin has ended, prepared transactions included.
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_snapshot()::text
