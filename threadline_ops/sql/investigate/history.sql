-- What happened to one row, newest first. A key may have been captured as text or as a number, and containment
-- tells these apart: the caller passes every way to write it. With a time, what was known by then.
select
    c.id, c.transaction_id, c.table_schema, c.table_name, c.op, c.captured_at,
    c.table_pk::text, c.data_after::text, c.changed_fields, c.changed_from::text,
    t.occurred_at, t.actor_ref::text, t.source, a.id, a.name, a.correlation_id
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where c.table_name = %(table)s
    and (%(table_schema)s::text is null or c.table_schema = %(table_schema)s)
    and c.table_pk @> any(%(keys)s::text[]::jsonb[])
    and (%(at)s::timestamptz is null or c.captured_at <= %(at)s)
order by c.captured_at desc, c.id desc
limit %(limit)s::bigint
