-- What delete_slice.sql would report, without deleting: is the live slice still what was archived?
with found as (
    select c.id, c.transaction_id, c.captured_at, {change_row} as content
    from {audit}.audit_changes as c
    where c.captured_at >= %(after_time)s::timestamptz
        and (c.captured_at, c.id) > (%(after_time)s::timestamptz, %(after_id)s::uuid)
        and c.captured_at <= %(upto_time)s::timestamptz
        and (c.captured_at, c.id) <= (%(upto_time)s::timestamptz, %(upto_id)s::uuid)
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
    (select md5(coalesce(string_agg({transaction_row}, ''::bytea order by t.id), '')) from parents as t)
