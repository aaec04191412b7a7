-- The actions of some transactions, each once, in the same two ways as the transactions themselves.
select a.id, a.correlation_id::text, a.name::text, a.status::text, a.reason::text
from {audit}.audit_actions as a
where (%(ids)s::uuid[] is null or a.id = any(%(ids)s::uuid[]))
    and (%(first)s::tid is null or a.ctid >= %(first)s::tid)
    and (%(beyond)s::tid is null or a.ctid < %(beyond)s::tid)
