-- Deletes the changes of one archived slice, and the transactions whose last changes were in it, and says in the same
-- breath what it deleted: count and digest of the changes, and of every transaction that they belong to. The caller
-- commits only if both are the manifest's, and with them the note that the slice went. Sorted by key, so that the digest
-- depends on no order of deletion.
with deleted as (
    delete from {audit}.audit_changes as c
    where {archive/where/in_slice}
    returning c.id, c.transaction_id, c.table_schema, c.table_name, c.captured_at, {archive/rows/change} as content
),
touched as (
    select transaction_id, count(*) as changes
    from deleted
    group by transaction_id
),
-- All ids at once, here and below: the server sorts them and walks its index, instead of one probe for each.
parents as (
    select t.*, t.ctid as place
    from {audit}.audit_transactions as t
    where t.id = any(array(select transaction_id from touched))
),
seen as (
    select c.transaction_id, count(*) as changes
    from {audit}.audit_changes as c
    where c.transaction_id = any(array(select transaction_id from touched))
    group by c.transaction_id
),
empty as (
    select parents.id, parents.place
    from parents
    join touched on touched.transaction_id = parents.id
    join seen on seen.transaction_id = parents.id and seen.changes = touched.changes
),
-- By place, and by id as well, because places repeat where transactions are partitioned; "is true" keeps the planner
-- from probing by id instead.
emptied as (
    delete from {audit}.audit_transactions as t
    where t.ctid = any(array(select place from empty))
        and (t.id in (select id from empty)) is true
    returning t.id, t.ctid as place
),
-- A row that was changed after the statement began stays, or goes as another one than was compared, by the server's
-- version; either way it does not count.
compared as (
    select parents.*
    from parents
    left join empty on empty.id = parents.id
    left join emptied on emptied.id = parents.id
    where empty.id is null or emptied.place = empty.place
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
    (select count(*) from compared),
    (select md5(coalesce(string_agg({archive/rows/transaction}, ''::bytea order by t.id), '')) from compared as t)
