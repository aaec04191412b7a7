-- What an export reads, as plain as SQL has it.
select
    c.id, c.transaction_id, c.table_schema, c.table_name, c.op, c.captured_at, c.table_pk, c.data_after,
    c.changed_fields, c.changed_from, t.txid, t.occurred_at, t.actor_ref, t.source, t.meta,
    a.id as action_id, a.correlation_id, a.name as action_name, a.status, a.reason
from audit_changes as c
join audit_transactions as t on t.id = c.transaction_id
left join audit_actions as a on a.id = t.action_id
