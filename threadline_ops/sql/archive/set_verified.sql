-- The manifest's files were read back, every digest of them.
update {operations}.archive_entries set verified_at = clock_timestamp() where sha256 = %(sha256)s
