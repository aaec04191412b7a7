-- Deletes the changes of one slice, and the transactions whose last changes were in it, and says in the same breath what
-- it deleted: count and digest of the versions of the changes, and of every transaction that they belong to. The caller
-- commits only if these are the ones that look_slice.sql read and that hold what the manifest says; and with them the note
-- that the slice went.
with deleted as (
    delete from {audit}.audit_changes as c
    where {archive/where/in_slice}
    returning c.id, c.transaction_id, c.captured_at, {archive/rows/change_version} as version
),
touched as (
    select transaction_id, count(*) as changes
    from deleted
    group by transaction_id
),
-- All ids at once: the server sorts them and walks its index, instead of one probe for each.
seen as (
    select c.transaction_id, count(*) as changes
    from {audit}.audit_changes as c
    where c.transaction_id = any(array(select transaction_id from touched))
    group by c.transaction_id
),
empty as (
    select touched.transaction_id
    from touched
    join seen on seen.transaction_id = touched.transaction_id and seen.changes = touched.changes
),
-- By place, and by id as well, because places repeat where transactions are partitioned, and may have been taken by
-- others since; "is true" keeps the planner from probing by id instead.
emptied as (
    delete from {audit}.audit_transactions as t
    where t.ctid = any(%(places)s::tid[])
        and (t.id in (select transaction_id from empty)) is true
    returning t.id, {archive/rows/transaction_version} as version
),
staying as (
    select t.id, {archive/rows/transaction_version} as version
    from {audit}.audit_transactions as t
    where t.ctid = any(%(places)s::tid[])
        and (t.id in (select transaction_id from touched except select transaction_id from empty)) is true
),
parents as (
    select id, version from emptied
    union all
    select id, version from staying
),
noted as (
    insert into {operations}.archive_purged (manifest_sha256, slice, changes, run_id)
    select %(manifest)s, %(slice)s, %(rows)s, %(run_id)s
)
select
    (select count(*) from deleted),
    (select md5(coalesce(string_agg(version, ''::bytea order by captured_at, id), '')) from deleted),
    (select count(*) from parents),
    (select md5(coalesce(string_agg(version, ''::bytea order by id), '')) from parents),
    (select count(*) from emptied)
