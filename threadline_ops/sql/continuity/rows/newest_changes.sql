-- Every change that a replay may need, as fixed-width records: hash of its key, time, transaction, id, operation,
-- and hash of the row it recorded. No order and no aggregate: the newest change of each key is found by the reader, so nothing sorts or spills here.
copy (
    select
        coalesce({hash}, 0),
        c.captured_at,
        x.txid,
        c.id,
        (case when {unidentified} then 0 when c.op = 'insert' then 1 when c.op = 'update' then 2 else 3 end)::int2,
        coalesce({digest}, 0)
    from {audit}.audit_changes as c
    join {audit}.audit_transactions as x on x.id = c.transaction_id
    where {named} and {since}
) to stdout (format binary)
