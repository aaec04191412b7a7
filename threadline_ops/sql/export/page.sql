-- One page of changes as one row of columns: the server concatenates each column's values, so that the client cuts
-- whole columns instead of walking millions of messages. What separates values occurs in none: JSON text has no raw
-- control character, UTF-8 no byte 0xff; empty JSON stands for null. A value beyond 1,000 stored bytes (compressed, so
-- perhaps 90 times longer) is only marked, by text that no JSON is. Sorting by id vanishes from the plan until equal
-- times are met; until then the client drops a page's last change, because the next one may share its time.
select
    count(*),
    (array_agg(captured_at))[count(*)::int - case when %(ordered)s::boolean then 0 else 1 end]::text,
    string_agg(uuid_send(id), ''::bytea),
    string_agg(uuid_send(transaction_id), ''::bytea),
    string_agg(timestamptz_send(captured_at), ''::bytea),
    string_agg(textsend(table_schema), '\xff'::bytea),
    string_agg(textsend(table_name), '\xff'::bytea),
    string_agg(textsend(op), '\xff'::bytea),
    string_agg(table_pk::text, chr(1)),
    string_agg(
        case when pg_column_size(data_after) > 1000 then '!' else coalesce(data_after::text, '') end, chr(1)
    ),
    string_agg(coalesce(array_to_json(changed_fields)::text, ''), chr(1)),
    string_agg(
        case when pg_column_size(changed_from) > 1000 then '!' else coalesce(changed_from::text, '') end, chr(1)
    )
from (
    select c.*
    from {audit}.audit_changes as c
    left join {audit}.audit_transactions as t on t.id = c.transaction_id
    left join {audit}.audit_actions as a on a.id = t.action_id
    where {export/where/matching}
        and {export/where/seen}
        and c.captured_at >= %(after_time)s::timestamptz
        and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and c.captured_at <= %(last_time)s::timestamptz
    order by c.captured_at, case when %(ordered)s::boolean then c.id end
    limit %(page_rows)s
) as page
