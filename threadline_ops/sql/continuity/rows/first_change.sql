-- The first captured change that is still there; a purge moves it, so it only says "not later than".
select min(c.captured_at) from {audit}.audit_changes as c where {named} and c.captured_at > {after}
