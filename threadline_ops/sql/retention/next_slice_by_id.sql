-- The last key of a slice that begins or ends within a moment, and whether it is the last of its moment: what
-- next_slice.sql leaves, at the price of reading the rows.
with walked as (
    select captured_at, id
    from {audit}.audit_changes
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at < %(until)s::timestamptz
    order by captured_at, id
    limit %(size)s + 1
)
select
    last.captured_at::text, last.id::text,
    not exists (select from walked where walked.captured_at = last.captured_at and walked.id > last.id)
from
    (
        select captured_at, id
        from (select captured_at, id from walked order by captured_at, id limit %(size)s) as slice
        order by slice.captured_at desc, slice.id desc
        limit 1
    ) as last
