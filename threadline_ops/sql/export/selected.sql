-- Of named changes: how many are still there, and how many of these a filter selects. A purge may have taken some
-- since they were exported, and what is gone says nothing about the filter.
select
    count(*),
    count(*) filter (
        where {export/where/matching}
    )
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where c.id = any(%(ids)s::uuid[])
