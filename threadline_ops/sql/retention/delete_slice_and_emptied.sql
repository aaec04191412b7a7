-- Deletes the changes of one slice and the transactions whose last changes were in it: a transaction goes when
-- all its changes that this statement's snapshot sees are among the deleted. A change added beside us would
-- go by the cascade; the caller compares the counts of deleted rows and undoes the batch if one did.
with deleted as (
    delete from {audit}.audit_changes as c
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at <= %(last_time)s::timestamptz
        and (captured_at, id) <= (%(last_time)s::timestamptz, %(last_id)s::uuid)
        and captured_at < %(until)s::timestamptz
        and {eligible}
    returning c.id, c.transaction_id, c.table_schema, c.table_name, c.captured_at
),
touched as (
    select transaction_id, count(*) as changes
    from deleted
    group by transaction_id
),
emptied as (
    delete from {audit}.audit_transactions as t
    using touched
    where t.id = touched.transaction_id
        and touched.changes
        = (select count(*) from {audit}.audit_changes as c where c.transaction_id = touched.transaction_id)
    returning t.id
),
by_table as (
    select
        table_schema, table_name, count(*) as changes,
        min(captured_at)::text as oldest, max(captured_at)::text as newest,
        sum(uuid_hash_extended(id, 0))::text as low, sum(uuid_hash_extended(id, 1))::text as high
    from deleted
    group by table_schema, table_name
)
select coalesce(json_agg(by_table), '[]'), (select count(*) from emptied) from by_table
