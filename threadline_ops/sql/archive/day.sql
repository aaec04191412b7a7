-- The reading transaction's own view, first of all: what had ended by then, the view as text, and how many changes of
-- the day it sees, so that a reader that lost a row is found out at once.
select
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest,
    pg_current_snapshot()::text as snapshot,
    (
        select count(*)
        from {audit}.audit_changes as c
        where c.captured_at >= %(from)s::timestamptz and c.captured_at < %(until)s::timestamptz
    ) as changes
