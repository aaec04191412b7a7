-- Slices of a manifest that went.
select slice from {operations}.archive_purged where manifest_sha256 = %(sha256)s
