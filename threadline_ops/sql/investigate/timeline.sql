-- The timeline with what a person wants beside each change; the filters are those of sql/export.
select
    c.id, c.transaction_id, c.table_schema, c.table_name, c.op, c.captured_at,
    c.table_pk::text, c.data_after::text, c.changed_fields, c.changed_from::text,
    t.occurred_at, t.actor_ref::text, t.source, a.id, a.name, a.correlation_id
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where {export/where/matching}
order by c.captured_at desc, c.id desc
limit %(limit)s::bigint
