-- Transactions that will become empty, not only those that already are: all their changes are expired.
select
    count(*) filter (where newest < %(cutoff)s),
    count(*) filter (where newest >= %(cutoff)s)
from (
    select min(captured_at) as oldest, max(captured_at) as newest
    from {audit}.audit_changes
    group by transaction_id
) as per_transaction
where oldest < %(cutoff)s
