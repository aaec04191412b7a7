-- The transaction's view of the data, in terms that outlive it; nothing is exported, so a standby will do.
select null, pg_current_snapshot()::text
