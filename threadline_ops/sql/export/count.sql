-- How many changes match.
select count(*)
from {audit}.audit_changes as c
left join {audit}.audit_transactions as t on t.id = c.transaction_id
left join {audit}.audit_actions as a on a.id = t.action_id
where {export/where/matching}
    and {export/where/seen}
