-- inserted_at is indexed everywhere, correlation_id only where the host has done so.
select count(*), count(job_id)
from {audit}.audit_actions
where correlation_id = %(correlation_id)s and inserted_at >= %(since)s::timestamptz - interval '1 minute'
