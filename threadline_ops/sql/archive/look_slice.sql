-- What a slice is now: count and digest of its changes and of the transactions that they belong to, to be held against
-- the manifest; the same of their versions, to be held against what delete_slice.sql deletes; and where the transactions
-- lie, so that it need not look for them again. And the changes summed up by table, with two order-free sums of hashes of
-- the ids for the certificate. Sorted by key, so that the digests depend on no order of reading.
with found as (
    select
        c.id, c.transaction_id, c.table_schema, c.table_name, c.captured_at, {archive/rows/change} as content,
        {archive/rows/change_version} as version
    from {audit}.audit_changes as c
    where {archive/where/in_slice}
),
-- All ids at once: the server sorts them and walks its index, instead of one probe for each.
parents as (
    select t.id, t.ctid as place, {archive/rows/transaction} as content, {archive/rows/transaction_version} as version
    from {audit}.audit_transactions as t
    where t.id = any(array(select distinct transaction_id from found))
),
by_table as (
    select
        table_schema, table_name, count(*) as changes,
        min(captured_at)::text as oldest, max(captured_at)::text as newest,
        sum(uuid_hash_extended(id, 0))::text as low, sum(uuid_hash_extended(id, 1))::text as high
    from found
    group by table_schema, table_name
)
select
    of_changes.rows, of_changes.content, of_transactions.rows, of_transactions.content, of_changes.version,
    of_transactions.version, of_transactions.places, (select coalesce(json_agg(by_table), '[]') from by_table)
from (
    select
        count(*) as rows,
        md5(coalesce(string_agg(content, ''::bytea order by captured_at, id), '')) as content,
        md5(coalesce(string_agg(version, ''::bytea order by captured_at, id), '')) as version
    from found
) as of_changes
cross join (
    select
        count(*) as rows,
        md5(coalesce(string_agg(content, ''::bytea order by id), '')) as content,
        md5(coalesce(string_agg(version, ''::bytea order by id), '')) as version,
        coalesce(array_agg(place), '{{}}')::text as places
    from parents
) as of_transactions
