-- A change captured long after, or before, its transaction began belongs to another transaction of the same id.
select count(*), count(distinct c.transaction_id)
from (
    select n.transaction_id, n.captured_at
    from {audit}.audit_changes as n
    order by n.captured_at desc
    limit %(scan_rows)s
) as c
join {audit}.audit_transactions as t on t.id = c.transaction_id
where c.captured_at > t.occurred_at + %(longest)s::interval or c.captured_at < t.occurred_at - interval '1 minute'
