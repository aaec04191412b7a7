-- Deletes all changes of one slice, and no transaction: empty ones are swept when all changes are gone. What goes is
-- summed up by table, with two order-free sums of hashes of the ids for the certificate. It is read a second time for
-- that, by the same snapshot, because giving back what was deleted costs as much again as deleting it. The caller
-- compares the counts, and undoes the slice if another session or a trigger made the two differ. A change that is
-- updated in between, but stays in the slice, goes as it is then and counts as it was.
with by_table as (
    select
        table_schema, table_name, count(*) as changes,
        min(captured_at)::text as oldest, max(captured_at)::text as newest,
        sum(uuid_hash_extended(id, 0))::text as low, sum(uuid_hash_extended(id, 1))::text as high
    from {audit}.audit_changes
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at <= %(last_time)s::timestamptz
        and (captured_at, id) <= (%(last_time)s::timestamptz, %(last_id)s::uuid)
        and captured_at < %(until)s::timestamptz
    group by table_schema, table_name
),
deleted as (
    delete from {audit}.audit_changes
    where captured_at >= %(after_time)s::timestamptz
        and (captured_at, id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and captured_at <= %(last_time)s::timestamptz
        and (captured_at, id) <= (%(last_time)s::timestamptz, %(last_id)s::uuid)
        and captured_at < %(until)s::timestamptz
)
select coalesce(json_agg(by_table), '[]'), 0::bigint from by_table
