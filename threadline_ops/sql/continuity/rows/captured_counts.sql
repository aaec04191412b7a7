-- Changes captured in an interval, by operation.
select
    count(*) filter (where c.op = 'insert'),
    count(*) filter (where c.op = 'update'),
    count(*) filter (where c.op = 'delete')
from {audit}.audit_changes as c
where {named} and c.captured_at > {since} and c.captured_at <= {until}
