-- Only transactions that the same database transaction locked after deleting their last visible change, checked
-- again with a snapshot taken after the lock: the cascade must never find a change to delete.
delete from {audit}.audit_transactions as t
where t.id = any(%(candidates)s)
    and not exists (select from {audit}.audit_changes as c where c.transaction_id = t.id)
