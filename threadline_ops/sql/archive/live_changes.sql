-- Which changes of these transactions are still live, so that none is counted twice beside the archive.
select c.transaction_id::text, c.id::text
from {audit}.audit_changes as c
where c.transaction_id = any(%(ids)s::uuid[])
