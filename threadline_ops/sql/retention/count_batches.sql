-- How many slices hold a change that may go: a batch looks at so many keys of its worker's span of time, deletes those
-- that may go, and counts when there is one. Rows of partitions that go whole are in no batch.
select count(distinct (slices.span, (slices.n - 1) / %(size)s)) filter (where slices.going)
from (
    select
        width_bucket(captured_at, %(edges)s::timestamptz[]) as span,
        row_number() over (
            partition by width_bucket(captured_at, %(edges)s::timestamptz[]) order by captured_at, id
        ) as n,
        {expired} and {eligible} as going
    from {audit}.audit_changes as c
    where captured_at < %(until)s::timestamptz and c.tableoid::bigint <> all(%(dropped)s::bigint[])
) as slices
