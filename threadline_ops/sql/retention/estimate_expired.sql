-- The planner's estimate of what is expired: instant at any size, and good enough to choose a way of working.
explain (format json) select from {audit}.audit_changes where captured_at < %(until)s::timestamptz
