-- The changes of one part, in the order of the files. The walk along the index on captured_at leaves only equal times to
-- sort; no single statement's memory grows with the part. Names are cast, so that whatever type a host gave them, text
-- arrives.
select
    c.id, c.transaction_id, c.table_schema::text, c.table_name::text, c.op::text, c.captured_at, c.table_pk, c.data_after,
    c.changed_fields, c.changed_from
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where {export/where/matching}
    and {export/where/seen}
    and (%(after)s::timestamptz is null or c.captured_at > %(after)s)
    and c.captured_at <= %(last)s::timestamptz
order by c.captured_at, c.id
