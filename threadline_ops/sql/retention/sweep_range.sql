-- Deletes the transactions of a range of heap blocks that have no change. The changes of the whole range are
-- looked up at once, sorted by the server, which is cheaper than one probe for each transaction. Both scans are
-- bound by blocks and see the same rows, being of one statement; a join would let the planner read the whole table
-- for each range. The caller undoes the range if the cascade found a change that this snapshot did not.
with looked as materialized (
    select id
    from {audit}.audit_transactions
    where ctid >= %(first)s::tid and ctid < %(beyond)s::tid
),
referenced as materialized (
    select c.transaction_id
    from {audit}.audit_changes as c
    where c.transaction_id = any(array(select id from looked))
)
delete from {audit}.audit_transactions as t
where t.ctid >= %(first)s::tid and t.ctid < %(beyond)s::tid
    and t.id not in (select transaction_id from referenced)
