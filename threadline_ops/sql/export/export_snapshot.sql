-- The name under which other connections join this transaction's view of the data, and the same view in terms
-- that outlive it: a resumed export counts only what that view saw.
select pg_export_snapshot(), pg_current_snapshot()::text
