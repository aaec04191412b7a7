-- The newest change of one row at or before a time.
select c.op, c.data_after, c.captured_at, x.txid
from {audit}.audit_changes as c
join {audit}.audit_transactions as x on x.id = c.transaction_id
where {named} and {same_key} and c.captured_at <= {at}
order by c.captured_at desc, c.id desc
limit 1
