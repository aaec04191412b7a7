-- The last key of the next slice. Progress is by key: asking for "the first n expired" again and again would
-- walk over all index entries deleted so far for as long as any session holds an old snapshot. The plain
-- comparison of captured_at lets an index on captured_at alone bound the scan. Keys travel as text, so that no
-- timestamp that PostgreSQL can hold is beyond us.
select captured_at::text, id::text
from (
    select captured_at, id
    from {audit}.audit_changes
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at < %(until)s::timestamptz
    order by captured_at, id
    limit %(size)s
) as slice
order by slice.captured_at desc, slice.id desc
limit 1
