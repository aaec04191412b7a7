-- The changes of one slice: an index condition on time, and the exact keys.
c.captured_at >= %(after_time)s::timestamptz
and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
and c.captured_at <= %(upto_time)s::timestamptz
and (c.captured_at, c.id) <= (%(upto_time)s::timestamptz, %(upto_id)s::uuid)
