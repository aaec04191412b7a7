-- Locks someone out for a moment: users of audit_changes, of which it may still be a partition, or, when it has been
-- detached, users of audit_transactions, to which it has a foreign key of its own by then.
drop table {schema}.{table}
