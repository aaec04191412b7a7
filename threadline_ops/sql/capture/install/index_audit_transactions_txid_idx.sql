-- Repeats the unique constraint's index, and exists all the same: readers and checks of the baseline expect it.
create index if not exists audit_transactions_txid_idx on {audit}.audit_transactions (txid)
