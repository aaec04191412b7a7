-- Deletes the actions of one slice that belong to no transaction. A transaction linked beside us would lose its link
-- by the foreign key's SET NULL; the caller compares the counts of updated rows and undoes the batch if one did.
-- What a purge recorded about itself stays: it is the trail's own word about what is gone.
with slice as (
    select id, inserted_at
    from {audit}.audit_actions
    where inserted_at >= %(after_time)s::timestamptz
        and (inserted_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and inserted_at < %(cutoff)s::timestamptz
    order by inserted_at, id
    limit %(size)s
),
gone as (
    delete from {audit}.audit_actions as a
    using slice
    where a.id = slice.id
        and a.name <> 'retention.purged'
        and not exists (select from {audit}.audit_transactions as t where t.action_id = a.id)
        and {action_eligible}
    returning a.id
)
select
    (select inserted_at::text from slice order by slice.inserted_at desc, slice.id desc limit 1),
    (select id::text from slice order by slice.inserted_at desc, slice.id desc limit 1),
    (select count(*) from gone)
