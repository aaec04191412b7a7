-- Transactions since the horizon that belong to the exercise, and how that is known. An action that was recorded
-- but not linked still shares its inserting transaction's xmin with the audit transaction.
with actions as (
    select a.id, a.xmin as made_by
    from {audit}.audit_actions as a
    where a.correlation_id = %(correlation_id)s and a.inserted_at >= %(since)s::timestamptz - interval '1 minute'
), changes as (
    select
        c.transaction_id,
        jsonb_agg(
            jsonb_build_object(
                'schema', c.table_schema, 'table', c.table_name, 'op', c.op,
                'values', jsonb_build_object(
                    'data_after', c.data_after, 'changed_from', c.changed_from, 'table_pk', c.table_pk
                )
            ) order by c.captured_at, c.id
        ) as changes,
        bool_or(c.table_schema || '.' || c.table_name = any(%(tables)s)) as expected,
        bool_or(
            position(%(correlation_id)s in coalesce(c.data_after, '{{}}')::text) > 0
            or position(%(correlation_id)s in c.table_pk::text) > 0
        ) as marked
    from {audit}.audit_changes as c
    where c.captured_at >= %(since)s
    group by c.transaction_id
)
select t.id, t.txid, t.actor_ref, t.meta, found.linked, found.how, c.changes
from changes as c
join {audit}.audit_transactions as t on t.id = c.transaction_id
cross join lateral (
    select
        linked,
        case
            when linked then 'link'
            when exists (select from actions as a where a.made_by = t.xmin) then 'action'
            when c.marked then 'mark'
            else 'alone'
        end as how
    from (select coalesce(t.action_id in (select id from actions), false) as linked) as l
) as found
where t.txid >= %(txid)s and (found.how <> 'alone' or c.expected)
order by t.occurred_at, t.id
