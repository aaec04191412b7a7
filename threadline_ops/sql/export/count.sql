-- How many changes match. A filter that is null vanishes when the statement is planned, and with it the joins
-- that only it needed: the same filters cost nothing where they are not used. A transaction that gave up its id after
-- a restore has a negative one, and is older than every snapshot.
select count(*)
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where (%(table)s::text is null or c.table_name = %(table)s)
    and (%(actor_ref)s::jsonb is null or t.actor_ref @> %(actor_ref)s::jsonb)
    and (%(correlation_id)s::text is null or a.correlation_id = %(correlation_id)s)
    and (%(from)s::timestamptz is null or c.captured_at >= %(from)s)
    and (%(to)s::timestamptz is null or c.captured_at <= %(to)s)
    and (
        %(snapshot)s::pg_snapshot is null
        or pg_visible_in_snapshot(greatest(t.txid, 3)::text::xid8, %(snapshot)s::pg_snapshot)
    )
