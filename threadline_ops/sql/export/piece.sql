-- The same columns as page.sql for named changes, however large their values are.
select
    count(*),
    null,
    string_agg(uuid_send(id), ''::bytea),
    string_agg(uuid_send(transaction_id), ''::bytea),
    string_agg(timestamptz_send(captured_at), ''::bytea),
    string_agg(textsend(table_schema), '\xff'::bytea),
    string_agg(textsend(table_name), '\xff'::bytea),
    string_agg(textsend(op), '\xff'::bytea),
    string_agg(table_pk::text, chr(1)),
    string_agg(coalesce(data_after::text, ''), chr(1)),
    string_agg(coalesce(array_to_json(changed_fields)::text, ''), chr(1)),
    string_agg(coalesce(changed_from::text, ''), chr(1))
from (
    select c.*
    from {audit}.audit_changes as c
    where c.id = any(%(ids)s::uuid[])
    order by c.captured_at, c.id
) as piece
