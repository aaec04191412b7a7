-- Who each of the probe's writes was attributed to.
select c.data_after ->> 'client', t.actor_ref ->> 'id'
from {audit}.audit_changes as c
join {audit}.audit_transactions as t on t.id = c.transaction_id
where c.table_name = 'probe'
