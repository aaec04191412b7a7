-- What the purge deletes: changes, and transactions that they leave empty. Nothing lets it alter what stays.
grant delete on {audit}.audit_changes, {audit}.audit_transactions to {role}
