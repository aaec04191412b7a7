-- Deletes one slice and locks the transactions whose last changes were in it. Counting in this statement's own
-- snapshot, a transaction is a candidate when all its visible changes are among the deleted. FOR UPDATE keeps
-- out any writer that would add a change to a candidate: its foreign-key check needs a lock on the parent.
with deleted as (
    delete from {audit}.audit_changes
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at <= %(last_time)s::timestamptz
        and (captured_at, id) <= (%(last_time)s::timestamptz, %(last_id)s::uuid)
        and captured_at < %(cutoff)s
    returning transaction_id
),
touched as (
    select transaction_id, count(*) as deleted_changes
    from deleted
    group by transaction_id
),
locked as (
    select t.id
    from {audit}.audit_transactions as t
    join touched on touched.transaction_id = t.id
    where %(delete_empty_transactions)s
        and touched.deleted_changes
        = (select count(*) from {audit}.audit_changes as c where c.transaction_id = touched.transaction_id)
    for update of t
)
select
    (select coalesce(sum(deleted_changes), 0)::bigint from touched),
    (select coalesce(array_agg(id), '{{}}'::uuid[]) from locked)
