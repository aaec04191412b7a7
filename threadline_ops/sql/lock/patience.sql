-- The lock's transaction idles for as long as the run takes, so no timeout of the server may end it.
-- transaction_timeout exists from PostgreSQL 17 on; pg_settings tells without an error on older servers.
select
    set_config('application_name', %(application_name)s, true),
    set_config('idle_in_transaction_session_timeout', '0', true),
    (
        select set_config(name, '0', true)
        from pg_catalog.pg_settings
        where name = 'transaction_timeout'
    )
