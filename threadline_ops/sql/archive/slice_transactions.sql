-- Asked when a slice differs: a digest of each transaction that has a change in its range.
select t.id::text, md5({transaction_row})
from {audit}.audit_transactions as t
where t.id in (
    select c.transaction_id
    from {audit}.audit_changes as c
    where c.captured_at >= %(after_time)s::timestamptz
        and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and c.captured_at <= %(upto_time)s::timestamptz
        and (c.captured_at, c.id) <= (%(upto_time)s::timestamptz, %(upto_id)s::uuid)
)
