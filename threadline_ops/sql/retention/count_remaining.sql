-- Asked when a run stopped at a cap, or when something keeps expired changes, so that the operator hears how much.
select count(*) filter (where {eligible}), count(*) filter (where not {eligible})
from {audit}.audit_changes as c
where captured_at < %(until)s::timestamptz and {expired}
