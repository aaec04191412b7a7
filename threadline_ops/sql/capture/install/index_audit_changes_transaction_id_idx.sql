-- The changes of one transaction, and the cascade from it.
create index if not exists audit_changes_transaction_id_idx on {audit}.audit_changes (transaction_id)
