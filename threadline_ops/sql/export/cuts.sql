-- Where to cut the matching changes into parts of equal size, in one pass. The comparison with the row before
-- keeps a cut out of a run of equal times, so that parts can be told apart by captured_at alone.
select (captured_at - interval '1 microsecond')::text
from (
    select c.captured_at, row_number() over (order by c.captured_at) as place
    from {audit}.audit_changes as c
    left join {audit}.audit_transactions as t on t.id = c.transaction_id
    left join {audit}.audit_actions as a on a.id = t.action_id
    where {export/where/matching}
        and {export/where/seen}
) as ordered
where place %% %(part_rows)s = 0
order by captured_at
