-- The application says what it did and why, and ties the captured transaction to it. Capture has found this
-- transaction by the same number.
with recorded as (
    insert into {audit}.audit_actions (name, category, verb, actor_ref, status, correlation_id, job_id, reason)
    values (
        %(name)s, split_part(%(name)s, '.', 1), split_part(%(name)s, '.', 2), %(actor)s::jsonb, 'ok',
        %(correlation_id)s, %(job_id)s, %(reason)s
    )
    returning id
)

update {audit}.audit_transactions
set action_id = (select id from recorded)
where txid = txid_current()
