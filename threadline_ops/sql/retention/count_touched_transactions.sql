-- Transactions that will become empty, not only those that already are: all their changes may go.
select
    count(*) filter (where going = changes),
    count(*) filter (where going < changes)
from (
    select count(*) as changes, count(*) filter (where {expired} and {eligible}) as going
    from {audit}.audit_changes as c
    group by transaction_id
) as per_transaction
where going > 0
