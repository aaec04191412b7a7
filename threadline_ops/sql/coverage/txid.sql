-- After a dump and restore, transaction ids start again below those that are stored, and capture would add new
-- writes to old transactions. The snapshot's xmax is the first id not yet given, and asking assigns none.
select
    (select max(t.txid) from {audit}.audit_transactions as t),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
