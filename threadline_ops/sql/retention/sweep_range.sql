-- Deletes the transactions of a range of heap blocks that have no change. The changes of the whole range are
-- looked up at once, sorted by the server, which is cheaper than one probe for each transaction. The caller
-- undoes the range if the cascade found a change that this snapshot did not.
with looked as materialized (
    select ctid as place, id
    from {audit}.audit_transactions
    where ctid >= %(first)s::tid and ctid < %(beyond)s::tid
),
referenced as (
    select c.transaction_id
    from {audit}.audit_changes as c
    where c.transaction_id = any(array(select id from looked))
)
delete from {audit}.audit_transactions as t
using looked
where t.ctid = looked.place and t.id = looked.id
    and looked.id not in (select transaction_id from referenced)
