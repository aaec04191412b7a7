-- The changes of one page, behind a key: a walk along the index on captured_at. Sorting by id as well vanishes from the
-- plan until equal times are met.
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where {export/where/matching}
    and {export/where/seen}
    and (%(after_time)s::timestamptz is null or c.captured_at >= %(after_time)s)
    and (%(after_time)s::timestamptz is null or (c.captured_at, c.id) > (%(after_time)s, %(after_id)s::uuid))
    and c.captured_at <= %(last_time)s::timestamptz
order by c.captured_at, case when %(exact)s::boolean then c.id end
limit %(rows)s
