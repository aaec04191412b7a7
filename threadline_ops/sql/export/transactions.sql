-- The transactions of some changes, each once and with its action: rendering them per transaction instead of
-- per change spares the server a join and two thirds of the work. Either those of a range of heap blocks, where
-- most are wanted, or named ones.
select
    t.id, t.txid, t.occurred_at, t.actor_ref, t.source::text, t.meta, a.id as action_id, a.correlation_id::text,
    a.name::text, a.status::text, a.reason::text
from {audit}.audit_transactions as t
left join {audit}.audit_actions as a on a.id = t.action_id
where (%(ids)s::uuid[] is null or t.id = any(%(ids)s::uuid[]))
    and (%(first)s::tid is null or t.ctid >= %(first)s::tid)
    and (%(beyond)s::tid is null or t.ctid < %(beyond)s::tid)
