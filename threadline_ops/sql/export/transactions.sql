-- The transactions of some changes, each once: rendering them per transaction instead of per change spares the server a
-- join and two thirds of the work. Either those of a range of heap blocks, where most are wanted, or named ones.
select t.id, t.txid, t.occurred_at, t.actor_ref, t.source::text, t.meta, t.action_id
from {audit}.audit_transactions as t
where (%(ids)s::uuid[] is null or t.id = any(%(ids)s::uuid[]))
    and (%(first)s::tid is null or t.ctid >= %(first)s::tid)
    and (%(beyond)s::tid is null or t.ctid < %(beyond)s::tid)
