-- Asked only when a run stopped at its cap, so that the operator hears how much is left.
select count(*) from {audit}.audit_changes where captured_at < %(cutoff)s
