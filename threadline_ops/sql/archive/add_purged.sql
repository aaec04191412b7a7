-- In the deleting transaction itself.
insert into {operations}.archive_purged (manifest_sha256, slice, changes, run_id)
values (%(sha256)s, %(slice)s, %(changes)s, %(run_id)s)
