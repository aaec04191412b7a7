-- The limit without partitions: everything in one statement, whatever it does to the application meanwhile.
delete from audit_changes where captured_at < %(cutoff)s
