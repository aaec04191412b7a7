-- And the parents that are empty now, in another one.
delete from audit_transactions as t
where not exists (select from audit_changes as c where c.transaction_id = t.id)
