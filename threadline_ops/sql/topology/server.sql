-- Who may read the system identifier was PUBLIC once and is pg_monitor's now; asking first avoids an error
-- that would end a transaction.
select
    current_setting('server_version'),
    has_function_privilege('pg_catalog.pg_control_system()', 'execute')
