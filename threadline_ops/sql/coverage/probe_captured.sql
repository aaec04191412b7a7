-- What the probe's own transaction captured; capture finds its transaction by the same id.
select count(*)
from {audit}.audit_changes as c
join {audit}.audit_transactions as t on t.id = c.transaction_id
where t.txid = txid_current() and c.table_schema = %(schema)s and c.table_name = %(table)s
    and c.captured_at >= now()
