-- What an earlier snapshot saw. A transaction that gave up its id after a restore has a negative one, and is older than
-- every snapshot.
(
    %(snapshot)s::pg_snapshot is null
    or pg_visible_in_snapshot(greatest(t.txid, 3)::text::xid8, %(snapshot)s::pg_snapshot)
)
