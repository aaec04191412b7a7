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
where {export/where/matching}
    and {export/where/seen}
order by c.captured_at desc, c.id desc
limit %(max_rows)s::bigint
