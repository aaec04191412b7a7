-- Of named changes: how many are still there, and how many of these a filter selects. A purge may have taken some
-- since they were exported, and what is gone says nothing about the filter.
select
    count(*),
    count(*) filter (
        where (%(table)s::text is null or c.table_name = %(table)s)
            and (%(actor_ref)s::jsonb is null or t.actor_ref @> %(actor_ref)s::jsonb)
            and (%(correlation_id)s::text is null or a.correlation_id = %(correlation_id)s)
            and (%(from)s::timestamptz is null or c.captured_at >= %(from)s)
            and (%(to)s::timestamptz is null or c.captured_at <= %(to)s)
    )
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where c.id = any(%(ids)s::uuid[])
