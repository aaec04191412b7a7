-- Changes of a slice that must stay, by a hold or the policy. Asked in the deleting transaction, behind the lock that
-- whoever places a hold waits for: a slice goes whole or not at all.
select count(*)
from {audit}.audit_changes as c
where c.captured_at >= %(after_time)s::timestamptz
    and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
    and c.captured_at <= %(upto_time)s::timestamptz
    and (c.captured_at, c.id) <= (%(upto_time)s::timestamptz, %(upto_id)s::uuid)
    and not ({expired} and {eligible})
