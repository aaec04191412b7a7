-- The system identifier as text: it exceeds what JSON readers keep exactly. The timeline is that of the WAL being
-- written: the control file tells the old one until the first checkpoint after a promotion.
select
    (select system_identifier::text from pg_control_system()),
    case
        when pg_is_in_recovery() then (select timeline_id from pg_control_checkpoint())
        else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int
    end,
    current_database()::text,
    current_setting('server_version'),
    pg_is_in_recovery(),
    pg_backend_pid()
