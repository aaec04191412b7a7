-- The last moment of the next slice, of exactly so many changes, from an index on captured_at alone: where the table is
-- vacuumed, no row is read for it. Progress is by key: asking for "the first n expired" again and again would walk over
-- all index entries deleted so far for as long as any session holds an old snapshot. The change after the slice is
-- looked at too, because a moment that goes on beyond the slice has to be cut by id (next_slice_by_id.sql). Moments
-- travel as text, so that no timestamp that PostgreSQL can hold is beyond us.
with edge as materialized (
    select captured_at
    from {audit}.audit_changes
    where captured_at >= %(after_time)s::timestamptz + %(beyond)s::interval
        and captured_at < %(until)s::timestamptz
    order by captured_at
    offset %(size)s - 1
    limit 2
),
ends as (
    select
        coalesce(
            min(captured_at),
            (
                select max(captured_at)
                from {audit}.audit_changes
                where captured_at >= %(after_time)s::timestamptz + %(beyond)s::interval
                    and captured_at < %(until)s::timestamptz
            )
        ) as last,
        count(*) < 2 or min(captured_at) < max(captured_at) as ends_with_it
    from edge
)
select last::text, ends_with_it
from ends
where last is not null
