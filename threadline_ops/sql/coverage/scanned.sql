-- How far back the scans of recorded changes reach, and whether there are older ones, which they leave out.
with newest as materialized (
    select n.captured_at, row_number() over (order by n.captured_at desc) as place
    from {audit}.audit_changes as n
    order by n.captured_at desc
    limit %(scan_rows)s + 1
)
select
    count(*) filter (where w.place <= %(scan_rows)s),
    min(w.captured_at) filter (where w.place <= %(scan_rows)s),
    count(*) > %(scan_rows)s
from newest as w
