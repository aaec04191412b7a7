-- The transaction id that orders a change against snapshots.
select t.txid from {audit}.audit_transactions as t where t.id = %(transaction)s
