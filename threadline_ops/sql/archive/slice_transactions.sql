-- Asked when a slice differs: a digest of each transaction that has a change in its range.
select t.id::text, md5({archive/rows/transaction})
from {audit}.audit_transactions as t
where t.id in (
    select c.transaction_id
    from {audit}.audit_changes as c
    where {archive/where/in_slice}
)
