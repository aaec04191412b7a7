-- The timeline: newest first, ties by id. Nested values travel as the server's own text, which keeps every digit
-- of a number that a double would not.
select
    c.id::text,
    c.transaction_id::text,
    c.table_schema,
    c.table_name,
    c.op,
    c.captured_at,
    c.table_pk::text,
    c.data_after::text,
    c.changed_fields,
    c.changed_from::text,
    t.occurred_at,
    t.actor_ref::text,
    t.source,
    a.id::text,
    a.correlation_id
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
order by c.captured_at desc, c.id desc
limit %(max_rows)s::bigint
