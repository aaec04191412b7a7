-- Deletes the changes of one archived slice, and the transactions whose last changes were in it, and says in the same
-- breath what it deleted: count and digest of the changes, and of every transaction that they belong to. The caller
-- commits only if both are the manifest's, and with them the note that the slice went. Sorted by key, so that the digest
-- depends on no order of deletion.
with deleted as (
    delete from {audit}.audit_changes as c
    where c.captured_at >= %(after_time)s::timestamptz
        and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and c.captured_at <= %(upto_time)s::timestamptz
        and (c.captured_at, c.id) <= (%(upto_time)s::timestamptz, %(upto_id)s::uuid)
    returning c.id, c.transaction_id, c.table_schema, c.table_name, c.captured_at, {change_row} as content
),
touched as (
    select transaction_id, count(*) as changes
    from deleted
    group by transaction_id
),
parents as (
    select t.*
    from touched
    join {audit}.audit_transactions as t on t.id = touched.transaction_id
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
),
noted as (
    insert into {operations}.archive_purged (manifest_sha256, slice, changes, run_id)
    select %(manifest)s, %(slice)s, %(rows)s, %(run_id)s
)
select
    (select coalesce(json_agg(by_table), '[]') from by_table),
    (select count(*) from emptied),
    (select md5(coalesce(string_agg(content, ''::bytea order by captured_at, id), '')) from deleted),
    (select count(*) from parents),
    (select md5(coalesce(string_agg({transaction_row}, ''::bytea order by t.id), '')) from parents as t)
