-- Who the newest transactions are attributed to, by source: nobody, or something that no reader understands.
-- Newest by txid, because that has an index everywhere. An old install has no actor_ref: the name without a
-- qualifier then means the null beside the table.
select
    coalesce(t.source, ''),
    count(*),
    count(*) filter (where t.actor is null or jsonb_typeof(t.actor) = 'null'),
    count(*) filter (
        where jsonb_typeof(t.actor) <> 'null' and not coalesce(
            jsonb_typeof(t.actor) = 'object' and (
                (t.actor ->> 'type' = 'anonymous' and coalesce(t.actor ->> 'id', '') = '')
                or (t.actor ->> 'type' = any(%(types)s::text[]) and coalesce(t.actor ->> 'id', '') <> '')
            ),
            false
        )
    )
from (select null::jsonb as actor_ref) as absent
cross join lateral (
    select n.source, actor_ref as actor
    from {audit}.audit_transactions as n
    order by n.txid desc
    limit %(scan_rows)s
) as t
group by coalesce(t.source, '')
order by 1
