-- Already empty before the run: left by a crash or by another tool. A dry run may take one pass for it.
select count(*)
from {audit}.audit_transactions as t
where not exists (select from {audit}.audit_changes as c where c.transaction_id = t.id)
