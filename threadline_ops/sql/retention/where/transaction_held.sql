-- The parts of a hold that name who acted, looked up only for holds that do.
exists (
    select from {audit}.audit_transactions as t
    left join {audit}.audit_actions as a on a.id = t.action_id
    where t.id = c.transaction_id
        and (h.actor_ref is null or t.actor_ref @> h.actor_ref)
        and (h.correlation_id is null or a.correlation_id = h.correlation_id)
)
