-- A manifest that was published a moment ago; after a crash in between, the next run adds it.
insert into {operations}.archive_entries (sequence, sha256, day, version)
values (%(sequence)s, %(sha256)s, %(day)s, %(version)s)
on conflict (sequence) do nothing
