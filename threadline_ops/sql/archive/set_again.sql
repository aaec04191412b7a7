-- The live rows are no longer what this manifest says: the day wants another version before anything of it goes.
update {operations}.archive_entries set again = %(reason)s where sha256 = %(sha256)s
