-- Threadline 0.2's batch of changes, by what its documentation and source say it does.
delete from audit_changes where id in (select id from audit_changes where captured_at < %(cutoff)s limit %(batch)s)
