-- One transaction, or those of an actor, newest first, with the number of changes that are still retained.
select
    t.id, t.txid, t.occurred_at, t.actor_ref::text, t.source, t.meta::text,
    a.id, a.name, a.status, a.reason, a.correlation_id,
    (select count(*) from {audit}.audit_changes as c where c.transaction_id = t.id)
from {audit}.audit_transactions as t
left join {audit}.audit_actions as a on a.id = t.action_id
where (%(transaction_id)s::uuid is null or t.id = %(transaction_id)s::uuid)
    and (%(actor_ref)s::jsonb is null or t.actor_ref @> %(actor_ref)s::jsonb)
order by t.occurred_at desc, t.id desc
limit %(limit)s::bigint
