-- The UTC days that hold changes, by hops along the index on captured_at: a few probes a day, whatever its size.
with recursive found (at) as (
    (
        select c.captured_at
        from {audit}.audit_changes as c
        where c.captured_at >= %(from)s::timestamptz and c.captured_at < %(until)s::timestamptz
        order by c.captured_at
        limit 1
    )
    union all
    select (
        select c.captured_at
        from {audit}.audit_changes as c
        where c.captured_at >= (date_trunc('day', found.at at time zone 'UTC') + interval '1 day') at time zone 'UTC'
            and c.captured_at < %(until)s::timestamptz
        order by c.captured_at
        limit 1
    )
    from found
    where found.at is not null
)
select (at at time zone 'UTC')::date from found where at is not null order by 1
