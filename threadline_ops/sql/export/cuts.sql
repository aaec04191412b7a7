-- Where to cut the matching changes into parts of equal size, in one pass. The comparison with the row before
-- keeps a cut out of a run of equal times, so that parts can be told apart by captured_at alone.
select (captured_at - interval '1 microsecond')::text
from (
    select c.captured_at, row_number() over (order by c.captured_at) as place
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
) as ordered
where place %% %(part_rows)s = 0
order by captured_at
