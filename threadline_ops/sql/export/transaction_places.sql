-- In which blocks of the heap a few transactions lie. Those of neighbouring changes were written together, so the rest
-- of a table's transactions most likely lies between them.
select
    min((t.ctid::text::point)[0])::bigint as first,
    max((t.ctid::text::point)[0])::bigint as last
from {audit}.audit_transactions as t
where t.id = any(%(ids)s::uuid[])
