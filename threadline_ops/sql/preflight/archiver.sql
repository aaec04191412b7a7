-- Whether write-ahead log leaves this server: without it no moment between two backups can be recovered.
select
    current_setting('archive_mode'),
    archived_count,
    last_archived_time,
    failed_count,
    last_failed_time,
    pg_is_in_recovery()
from pg_catalog.pg_stat_archiver
