-- The chain as this database knows it.
select sequence, sha256, day, version, verified_at, again from {operations}.archive_entries order by sequence
