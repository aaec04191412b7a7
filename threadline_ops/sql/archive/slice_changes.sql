-- Asked when a slice differs: a digest of each change in its range, so that the report can name those that do.
select c.id::text, md5({change_row})
from {audit}.audit_changes as c
where c.captured_at >= %(after_time)s::timestamptz
    and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
    and c.captured_at <= %(upto_time)s::timestamptz
    and (c.captured_at, c.id) <= (%(upto_time)s::timestamptz, %(upto_id)s::uuid)
