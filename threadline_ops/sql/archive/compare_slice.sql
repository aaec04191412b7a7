-- What delete_slice.sql would report, without deleting: is the live slice still what was archived?
with found as (
    select c.id, c.transaction_id, c.captured_at, {archive/rows/change} as content
    from {audit}.audit_changes as c
    where {archive/where/in_slice}
),
parents as (
    select t.*
    from (select distinct transaction_id from found) as touched
    join {audit}.audit_transactions as t on t.id = touched.transaction_id
)
select
    (select count(*) from found),
    (select md5(coalesce(string_agg(content, ''::bytea order by captured_at, id), '')) from found),
    (select count(*) from parents),
    (select md5(coalesce(string_agg({archive/rows/transaction}, ''::bytea order by t.id), '')) from parents as t)
