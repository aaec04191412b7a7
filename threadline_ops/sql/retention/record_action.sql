-- The id is made here, because an old install's column has no default. `returning` would need SELECT as well.
with made as (select gen_random_uuid() as id),
recorded as (
    insert into {audit}.audit_actions (id, name, actor_ref, status, reason, correlation_id, job_id, inserted_at)
    select id, %(name)s, %(actor)s, 'ok', %(reason)s, left(%(run_id)s, 256), left(%(run_id)s, 256), now()
    from made
)
select id::text from made
