-- Where the workers' time slices begin. A year that Python cannot hold belongs to the first slice anyway.
select min(captured_at) from {audit}.audit_changes where captured_at between '0001-01-02Z' and '9999-12-30Z'
