-- One pass over the table: a dry run may be slow, but must be exact.
select
    count(*) filter (where captured_at < %(cutoff)s),
    count(*) filter (where captured_at >= %(cutoff)s),
    -- a year that Python cannot hold counts, but is not shown
    min(captured_at) filter (where captured_at between '0001-01-02Z' and '9999-12-30Z')
from {audit}.audit_changes
