-- One pass over the table: a dry run may be slow, but must be exact.
select
    count(*) filter (where {expired} and {eligible}),
    count(*) filter (where {expired} and not {eligible}),
    count(*) filter (where not {expired}),
    -- a year that Python cannot hold counts, but is not shown
    min(captured_at) filter (where captured_at between '0001-01-02Z' and '9999-12-30Z')
from {audit}.audit_changes as c
