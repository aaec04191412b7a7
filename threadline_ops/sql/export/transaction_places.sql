-- Where a few transactions lie in the heap. Those of neighbouring changes were written together, so the rest of
-- a table's transactions most likely lies between them.
select min(t.ctid)::text, max(t.ctid)::text
from {audit}.audit_transactions as t
where t.id = any(%(ids)s::uuid[])
