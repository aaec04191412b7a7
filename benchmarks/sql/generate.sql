-- An audit trail as an application leaves it: one to five changes a transaction, 20 tables, rows of 300 to 500
-- bytes, spread evenly over the days before now and written in time order, with an action on every fifth.
with made_actions as (
    insert into audit_actions (id, name, actor_ref, status, correlation_id, inserted_at)
    select
        md5('action' || n)::uuid, 'order.updated', jsonb_build_object('type', 'user', 'id', (n %% 1000)::text), 'ok',
        md5(n::text), %(start)s::timestamptz + n * (%(end)s::timestamptz - %(start)s::timestamptz) / %(transactions)s
    from generate_series(5, %(transactions)s, 5) as n
),
made_transactions as (
    insert into audit_transactions (id, txid, occurred_at, actor_ref, action_id)
    select
        -- negative: an id ahead of the server's own would be taken for a restored database
        md5('transaction' || n)::uuid, -n,
        %(start)s::timestamptz + n * (%(end)s::timestamptz - %(start)s::timestamptz) / %(transactions)s,
        jsonb_build_object('type', 'user', 'id', (n %% 1000)::text),
        case when n %% 5 = 0 then md5('action' || n)::uuid end
    from generate_series(1, %(transactions)s) as n
)
insert into audit_changes (
    id, transaction_id, table_schema, table_name, table_pk, op, data_after, changed_fields, captured_at
)
select
    md5('change' || n || '.' || i)::uuid, md5('transaction' || n)::uuid, 'public', 'table_' || (n * 7 + i) %% 20,
    jsonb_build_object('id', (n %% 50000)::text), (array['insert', 'update', 'update', 'delete'])[1 + (n + i) %% 4],
    case when (n + i) %% 4 < 3 then jsonb_build_object(
        'id', n %% 50000, 'name', md5(n::text), 'email', md5(i::text || n) || '@example.test',
        'amount', round((n %% 100000) / 7.0, 2), 'note', repeat(md5((n * i)::text), 3 + n %% 6),
        'updated_at', %(start)s::timestamptz + n * interval '1 second'
    ) end,
    case when (n + i) %% 4 in (1, 2) then array['amount', 'updated_at'] end,
    %(start)s::timestamptz + n * (%(end)s::timestamptz - %(start)s::timestamptz) / %(transactions)s
    + i * interval '1 millisecond'
from generate_series(1, %(transactions)s) as n, generate_series(1, 1 + n %% 5) as i
