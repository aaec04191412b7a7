-- The system identifier as text: it exceeds what JSON readers keep exactly.
select
    (select system_identifier::text from pg_control_system()),
    (select timeline_id from pg_control_checkpoint()),
    current_database()::text,
    current_setting('server_version'),
    pg_is_in_recovery(),
    pg_backend_pid()
