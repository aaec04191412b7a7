-- Slices of these manifests that went.
select manifest_sha256, slice from {operations}.archive_purged where manifest_sha256 = any(%(manifests)s)
