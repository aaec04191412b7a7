-- Threadline 0.2 repeats this after each batch until nothing is deleted.
delete from audit_transactions where id in (
    select t.id from audit_transactions as t
    where not exists (select from audit_changes as c where c.transaction_id = t.id)
    limit %(batch)s
)
