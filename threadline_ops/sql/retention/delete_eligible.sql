-- Deletes those changes of one slice that no window, hold or rule keeps, and no transaction: empty ones are swept when
-- all changes are gone. What went is summed up as delete_slice.sql sums it up, but from what the deletion gives back, so
-- that each change is weighed once.
with deleted as (
    delete from {audit}.audit_changes as c
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at <= %(last_time)s::timestamptz
        and (captured_at, id) <= (%(last_time)s::timestamptz, %(last_id)s::uuid)
        and captured_at < %(until)s::timestamptz
        and {eligible}
    returning c.id, c.table_schema, c.table_name, c.captured_at
),
by_table as (
    select
        table_schema, table_name, count(*) as changes,
        min(captured_at)::text as oldest, max(captured_at)::text as newest,
        sum(uuid_hash_extended(id, 0))::text as low, sum(uuid_hash_extended(id, 1))::text as high
    from deleted
    group by table_schema, table_name
)
select coalesce(json_agg(by_table), '[]'), 0::bigint from by_table
